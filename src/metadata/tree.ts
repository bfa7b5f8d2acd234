/** What there is to read, by path (spec §8.3). Folders are listed one name a line, folders among them with a slash behind. */
import type { MetadataSubject, RoleCredentials } from './contracts.js';

/** A folder, or the text of a leaf, made when it is asked for. */
type Node = Folder | Leaf;
type Folder = ReadonlyMap<string, Node>;
type Leaf = () => string | Promise<string>;

export interface TreeParts {
  readonly region: string;
  readonly zoneId: string;
  /** Tags of the MicroVM's image. */
  readonly tags: Readonly<Record<string, string>>;
  /** The document of its execution role. */
  readonly document: Leaf;
}

/** The name the role has, whatever it is called. */
const ROLE = 'execution_role';

/** Without an execution role there is no `iam/`, as on an EC2 instance without one. Unknown: metadata-no-role */
export function treeOf({ executionRoleArn }: Pick<MetadataSubject, 'executionRoleArn'>, { region, zoneId, tags, document }: TreeParts): Folder {
  const iam: readonly [string, Node][] = executionRoleArn === undefined ? [] : [['iam', new Map([['security-credentials', new Map([[ROLE, document]])]])]];
  const metadata = new Map<string, Node>([
    ...iam,
    ['placement', new Map([['availability-zone-id', () => zoneId], ['region', () => region]])],
    // The live service lists `tags/`; a MicroVM has none of its own, so they are its image's. Unknown: metadata-tags
    ['tags', new Map([['instance', new Map(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, () => value]))]])],
  ]);
  return new Map([['latest', new Map([['meta-data', metadata]])]]);
}

/** `path` is decoded. undefined: nothing is there. */
export function read(tree: Folder, path: string): string | Promise<string> | undefined {
  let node: Node | undefined = tree;
  let rest = path.replace(/\/{2,}/g, '/').replace(/^\//, '').replace(/\/$/, '');
  while (rest !== '') {
    if (typeof node !== 'object') return undefined;
    const slash: number = rest.indexOf('/');
    // A tag's key may hold slashes: then it is the whole of what is left.
    const name: string = slash < 0 || node.has(rest) ? rest : rest.slice(0, slash);
    node = node.get(name);
    rest = rest.slice(name.length + 1);
  }
  return typeof node === 'object' ? list(node) : node?.();
}

function list(folder: Folder): string {
  return [...folder].map(([name, node]) => (typeof node === 'object' ? `${name}/` : name)).join('\n');
}

/** As SDKs read it; `Code` and `Type` as EC2 has them. */
export function credentialsDocument(credentials: RoleCredentials): string {
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: timestamp(credentials.lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.token,
    Expiration: timestamp(credentials.expiration),
  }, null, 2);
}

/** As EC2's when a role cannot be taken: SDKs show Code and Message. Unknown: metadata-role-denied */
export function denialDocument(message: string, now: number): string {
  return JSON.stringify({ Code: 'AssumeRoleUnauthorizedAccess', Message: message, LastUpdated: timestamp(now) }, null, 2);
}

/** Whole seconds, as EC2's. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
