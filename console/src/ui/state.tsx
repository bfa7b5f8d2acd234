/** The state of something: always in words, the colour only repeats it. */

type Tone = 'good' | 'busy' | 'calm' | 'bad' | 'over';

const TONES: Readonly<Record<string, Tone>> = {
  RUNNING: 'good', CREATED: 'good', UPDATED: 'good', SUCCESSFUL: 'good', SUCCEEDED: 'good', ACTIVE: 'good',
  PENDING: 'busy', SUSPENDING: 'busy', TERMINATING: 'busy', CREATING: 'busy', UPDATING: 'busy', IN_PROGRESS: 'busy', DELETING: 'busy', STARTED: 'busy',
  SUSPENDED: 'calm', INACTIVE: 'calm',
  CREATE_FAILED: 'bad', UPDATE_FAILED: 'bad', DELETE_FAILED: 'bad', FAILED: 'bad',
  TERMINATED: 'over', DELETED: 'over',
};

export function State({ of }: { readonly of: string }) {
  return <span class={`state ${TONES[of] ?? 'over'}`}>{of.replaceAll('_', ' ').toLowerCase()}</span>;
}

export function isBusy(state: string): boolean {
  return TONES[state] === 'busy';
}
