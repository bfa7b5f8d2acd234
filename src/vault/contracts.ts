/**
 * Encryption of what the host keeps of MicroVMs and images: memory, device state and disks.
 *
 * - account key: 64 random bytes, made when the account's first folder is protected. On disk only wrapped.
 * - master key: 32 bytes that wrap the account keys (AES-256-GCM); a file the operator may keep elsewhere.
 *
 * The kernel's own file encryption (fscrypt) does the rest: with the account key loaded, files of a protected folder are
 * read, written and mapped as any other; without it, they have no readable names or bytes.
 */
export interface Vault {
  /**
   * Whatever comes into this folder, which must be empty, is encrypted with the account's key. Nothing happens when
   * encryption is off.
   */
  protect(accountId: string, folder: string): Promise<void>;
}

/** ioctl(2) for a request whose argument is a structure; rejects with an error whose `code` is errno's name. */
export type Ioctl = (fd: number, request: number, argument: Buffer) => Promise<number>;
