/** package-lock.json: what npm wrote there, and whether it pins every package by its content. */
export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly optional?: boolean;
}

export interface Lockfile {
  readonly lockfileVersion: number;
  /** By folder: '' is the project, others are `node_modules/…`. */
  readonly packages: Readonly<Record<string, LockEntry>>;
}

const REGISTRY = 'https://registry.npmjs.org/';

/**
 * A line for each entry that is not pinned. `resolved` may be absent: then npm asks the configured registry for name and
 * version, and the checksum holds whichever that is. What is there must be the public registry: no git, file or other host.
 */
export function unpinned({ lockfileVersion, packages }: Lockfile): string[] {
  const wrong = lockfileVersion === 3 ? [] : [`package-lock.json: version ${lockfileVersion}, 3 is expected`];
  for (const [folder, { version, resolved, integrity, link }] of installed(packages)) {
    if (link === true) wrong.push(`${folder}: a link to a folder`);
    else if (version === undefined) wrong.push(`${folder}: no version`);
    else if (integrity === undefined || !integrity.startsWith('sha512-')) wrong.push(`${folder}: no SHA-512 checksum`);
    if (resolved !== undefined && !resolved.startsWith(REGISTRY)) wrong.push(`${folder}: from ${resolved}, not from ${REGISTRY}`);
  }
  return wrong;
}

/** Of production: what is installed without `--include=dev`. */
export function production(lockfile: Lockfile): [folder: string, entry: LockEntry][] {
  return installed(lockfile.packages).filter(([, entry]) => entry.dev !== true);
}

function installed(packages: Lockfile['packages']): [string, LockEntry][] {
  return Object.entries(packages).filter(([folder]) => folder !== '');
}
