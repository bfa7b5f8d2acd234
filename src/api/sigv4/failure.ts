/** Why a signature is refused. `api/lambda-front` and `api/s3-front` each give a kind its AWS error. */
export type AuthFailureKind =
  | 'unsigned' // no credentials at all
  | 'malformed' // the Authorization header or query cannot be read
  | 'unknown-key'
  | 'session-token' // not the one of the key, or one where the key has none
  | 'session-expired' // temporary credentials past their time
  | 'wrong-scope' // signed for another region, service or date
  | 'header-not-signed'
  | 'skewed' // signed too long ago, or in the future
  | 'expired' // presigned URL past its time
  | 'mismatch'
  | 'body-mismatch';

export class AuthFailure extends Error {
  override readonly name = 'AuthFailure';
  constructor(
    readonly kind: AuthFailureKind,
    message: string,
  ) {
    super(message);
  }
}
