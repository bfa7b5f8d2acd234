/** How a request shows whose it is. */
import type { AccessKey } from '../keys/key-ring.js';
import type { Claim } from './sigv4/claim.js';

/** The console has checked that whoever sent the request is signed in with that key. */
export interface SignedIn {
  readonly signedIn: AccessKey;
}

/** A claim is still to be checked; undefined: the request is unsigned. */
export type Proof = Claim | SignedIn | undefined;

export function isSignedIn(proof: Proof): proof is SignedIn {
  return proof !== undefined && 'signedIn' in proof;
}
