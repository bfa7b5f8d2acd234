export const LABEL = '0e7a1b52-9c3d-4f6e-8a21-5b7c9d0e1f23';
export const VM_ID = 'microvm-11111111-2222-4333-8444-555555555555';

/** The endpoint serves. */
export interface Ready {
  readonly port: number;
  readonly token: string;
}
