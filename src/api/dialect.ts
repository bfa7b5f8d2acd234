/**
 * Errors of the three families of operations. MicroVM operations have the table's; tags and connectors keep Lambda's
 * older errors, with a `Type`, and connectors spell `Message` with a capital (spec §2.0, §7.2, §15).
 */
import { ValidationError } from '../errors/index.js';
import { WIRE_TYPES, type WireError } from './errors.js';
import { ConstraintError } from './validation.js';

type Family = 'microvms' | 'tags' | 'connectors';

function familyOf(path: string): Family {
  if (path.startsWith('/2017-03-31/')) return 'tags';
  return path.startsWith('/2026-04-04/') ? 'connectors' : 'microvms';
}

const older: Readonly<Record<string, string>> = {
  ConflictException: 'ResourceConflictException',
  ThrottlingException: 'TooManyRequestsException',
  InternalServerException: 'ServiceException',
};

/** Every type that an answer of the three families can have. */
export const ERROR_TYPES: readonly string[] = [...new Set([...WIRE_TYPES, ...Object.values(older), 'InvalidParameterValueException', 'NetworkConnectorLimitExceededException'])];

/** `error` is what was thrown, `path` the request's. */
export function inDialect(wire: WireError, path: string, error: unknown): WireError {
  const family = familyOf(path);
  if (family === 'microvms') return wire;
  const { message = '' } = wire.members;
  const Type = wire.status >= 500 ? 'Service' : 'User';
  if (family === 'tags') {
    const type = wire.type === 'ValidationException' && isSemantic(error) ? 'InvalidParameterValueException' : (older[wire.type] ?? wire.type);
    return { ...wire, type, members: { Type, message } };
  }
  const named = { ...wire, members: { Type, Message: message } };
  switch (wire.type) {
    case 'ValidationException':
      return { ...named, type: 'InvalidParameterValueException' };
    case 'ServiceQuotaExceededException':
      return { ...named, type: 'NetworkConnectorLimitExceededException', status: 400 };
    default:
      return { ...named, type: older[wire.type] ?? wire.type };
  }
}

/** Tags have both: ValidationException for a broken constraint of the model, the other for what breaks a rule. Unknown: tag-error-types */
function isSemantic(error: unknown): boolean {
  return error instanceof ValidationError && !(error instanceof ConstraintError);
}
