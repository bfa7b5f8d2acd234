import { ConflictError, NotFoundError, ValidationError, type RequestError } from '../errors/index.js';
import type { MicrovmRecord } from '../store/contracts.js';
import type { LifecycleEvent } from './lifecycle.js';

/** The answer to a request that the state does not allow. SuspendMicrovm after termination is a recording (spec §15). Unknown: vm-409-matrix */
export function refusal(record: Pick<MicrovmRecord, 'id' | 'state'>, event: LifecycleEvent): RequestError {
  const { id, state } = record;
  if (state === 'TERMINATED' && event === 'suspendRequested') {
    return new ValidationError(`MicroVM ${id} has been terminated and its state cannot be changed`);
  }
  const needed = event === 'suspendRequested' ? 'RUNNING' : 'SUSPENDED';
  return new ConflictError(`MicroVM ${id} is in state ${state}: it must be ${needed} for this operation`, 'microvm', id);
}

export function overtaken(record: Pick<MicrovmRecord, 'id' | 'state'>): RequestError {
  return new ConflictError(`MicroVM ${record.id} is ${record.state}: it was terminated meanwhile`, 'microvm', record.id);
}

/** The text follows the one for images. Unknown: vm-not-found-text */
export function notFound(id: string): RequestError {
  return new NotFoundError(`MicroVM not found for MicroVMID: ${id}`, 'microvm', id);
}
