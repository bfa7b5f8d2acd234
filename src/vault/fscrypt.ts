/** The kernel's file encryption, include/uapi/linux/fscrypt.h: Linux ≥ 5.4, ext4 or f2fs with the feature `encrypt`. */
import { open } from 'node:fs/promises';
import type { Ioctl } from './contracts.js';

/** Bytes of a key: AES-256-XTS wants two halves of 32. */
export const KEY_BYTES = 64;
const IDENTIFIER_BYTES = 16;

const SET_POLICY = 0x800c6613; // _IOR('f', 19, struct fscrypt_policy_v1)
const GET_POLICY_EX = 0xc0096616; // _IOWR('f', 22, __u8[9])
const ADD_KEY = 0xc0506617; // _IOWR('f', 23, struct fscrypt_add_key_arg)
const REMOVE_KEY_ALL_USERS = 0xc0406619; // _IOWR('f', 25, struct fscrypt_remove_key_arg)

const SPEC_IS_IDENTIFIER = 2;
/** struct fscrypt_key_specifier: type, reserved, then the identifier in 32 bytes. */
const SPEC = { identifierAt: 8, bytes: 40 } as const;
const ADD_HEADER_BYTES = 80;
const REMOVE_BYTES = 64;
/** FSCRYPT_KEY_REMOVAL_STATUS_FLAG_FILES_BUSY, in the word behind the specifier. */
const FILES_BUSY = 1;
const POLICY_BYTES = 24;
const POLICY = { version: 2, contents: 1 /* AES-256-XTS */, fileNames: 4 /* AES-256-CTS */, flags: 3 /* names padded to 32 bytes */, identifierAt: 8 } as const;

/** ENOKEY (126), for which libuv has no name. */
const ENOKEY = 'Unknown system error -126';

export interface Fscrypt {
  /** Loads a key for the file system that `folder` is on. Answers the identifier the kernel derives from it. */
  addKey(folder: string, key: Buffer): Promise<Buffer>;
  /** Unloads it, if it is loaded. `busy`: files of it are still open, and readable until they are closed. */
  removeKey(folder: string, identifier: Buffer): Promise<{ readonly busy: boolean }>;
  /** From now on what is made in this empty folder is encrypted with that key, which must be loaded. */
  setPolicy(folder: string, identifier: Buffer): Promise<void>;
  /** none: not encrypted, but it can be; otherwise why it cannot. */
  state(folder: string): Promise<'encrypted' | 'none' | 'file-system-lacks-it' | 'kernel-lacks-it'>;
}

export function createFscrypt(ioctl: Ioctl): Fscrypt {
  const call = async (folder: string, request: number, argument: Buffer): Promise<void> => {
    const handle = await open(folder, 'r');
    try {
      await ioctl(handle.fd, request, argument);
    } finally {
      await handle.close();
    }
  };
  return {
    async addKey(folder, key) {
      const argument = Buffer.alloc(ADD_HEADER_BYTES + KEY_BYTES);
      argument.writeUInt32LE(SPEC_IS_IDENTIFIER, 0);
      argument.writeUInt32LE(KEY_BYTES, SPEC.bytes);
      key.copy(argument, ADD_HEADER_BYTES);
      try {
        await call(folder, ADD_KEY, argument);
        return Buffer.from(argument.subarray(SPEC.identifierAt, SPEC.identifierAt + IDENTIFIER_BYTES));
      } finally {
        argument.fill(0);
      }
    },
    async removeKey(folder, identifier) {
      const argument = Buffer.alloc(REMOVE_BYTES);
      argument.writeUInt32LE(SPEC_IS_IDENTIFIER, 0);
      identifier.copy(argument, SPEC.identifierAt);
      try {
        await call(folder, REMOVE_KEY_ALL_USERS, argument);
        return { busy: (argument.readUInt32LE(SPEC.bytes) & FILES_BUSY) !== 0 };
      } catch (error) {
        if (codeOf(error) === ENOKEY) return { busy: false };
        throw error;
      }
    },
    async setPolicy(folder, identifier) {
      const policy = Buffer.alloc(POLICY_BYTES);
      policy.set([POLICY.version, POLICY.contents, POLICY.fileNames, POLICY.flags]);
      identifier.copy(policy, POLICY.identifierAt);
      await call(folder, SET_POLICY, policy);
    },
    async state(folder) {
      const argument = Buffer.alloc(8 + POLICY_BYTES);
      argument.writeBigUInt64LE(BigInt(POLICY_BYTES));
      try {
        await call(folder, GET_POLICY_EX, argument);
        return 'encrypted';
      } catch (error) {
        switch (codeOf(error)) {
          case 'ENODATA': return 'none';
          case 'EOPNOTSUPP': case 'ENOTSUP': return 'file-system-lacks-it';
          case 'ENOTTY': case 'EINVAL': return 'kernel-lacks-it';
          default: throw error;
        }
      }
    },
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
