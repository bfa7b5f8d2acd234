/** From anything thrown to what the person is told: the exit code, what happened, what to do next. */
import { ApiError, UnreachableError } from '../daemon/remote.js';
import { messageOf, OperatorError } from '../errors/index.js';
import { CliError } from './errors.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { durationText } from './output/units.js';
import { exitCodeOf, SessionError } from './session/error.js';

export interface Explanation {
  readonly exitCode: number;
  readonly message: string;
  readonly fix: readonly string[];
}

const OWN_KEYS = ['take the keys of this host\'s service: eval "$(sudo tardigrade env)"', 'or name a profile of ~/.aws/credentials: --profile <name>'];

export function explain(error: unknown): Explanation {
  if (error instanceof CliError) return { exitCode: error.exitCode, message: error.message, fix: error.fix };
  if (error instanceof ApiError) return explainApi(error);
  if (error instanceof SessionError) return { exitCode: exitCodeOf(error), message: error.message, fix: error.fix };
  if (error instanceof UnreachableError) return explainUnreachable(error);
  if (error instanceof OperatorError) return { exitCode: EXIT.failed, message: error.message, fix: [] };
  return explainSystem(error as NodeJS.ErrnoException);
}

/** By the beginnings of an error's type, as AWS's families and S3 spell them. */
const BY_TYPE: readonly (readonly [type: RegExp, exitCode: ExitCode, fix: (error: ApiError) => readonly string[]])[] = [
  [/^(UnrecognizedClientException|InvalidAccessKeyId|InvalidToken)$/, EXIT.denied, () => ['the server does not have this access key, or its session token is another', ...OWN_KEYS]],
  [/^(InvalidSignatureException|SignatureDoesNotMatch|RequestTimeTooSkewed|AuthorizationHeaderMalformed)$/, EXIT.denied, fixSignature],
  [/^(ExpiredTokenException|ExpiredToken)$/, EXIT.denied, () => ['these are temporary credentials and their time is over: get new ones (sts assume-role), and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN']],
  [/^(AccessDeniedException|AccessDenied)$/, EXIT.denied, () => ['let whoever keeps the server\'s keys add this action to the key\'s policy (docs/identity.md), or use another key']],
  [/^(MissingAuthenticationToken|IncompleteSignature)/, EXIT.denied, () => OWN_KEYS],
  [/^(ResourceNotFoundException|NoSuch)/, EXIT.notFound, ({ message }) => [/image/i.test(message) ? 'see the images there are: tardigrade image ls' : 'see what there is: tardigrade ps --all']],
  [/Conflict/, EXIT.state, ({ message }) => [/microvm-image|image/i.test(message) ? 'see its state: tardigrade image inspect <name>' : 'see its state and what comes next: tardigrade inspect <id>']],
  [/^ServiceQuotaExceeded|LimitExceeded/, EXIT.limit, () => ['make room: tardigrade ps, tardigrade rm <id>; or raise the quota on the server (docs/identity.md)']],
  [/^(ThrottlingException|TooManyRequestsException|SlowDown)$/, EXIT.limit, () => ['wait a second and try again; `tardigrade serve --unlimited` has no rates']],
  [/^InsufficientCapacity/, EXIT.limit, () => ['the host has no room: end or suspend a MicroVM (tardigrade ps), or free disk (tardigrade gc)']],
  [/^(ValidationException|SerializationException|InvalidParameter)/, EXIT.usage, () => []],
  [/^(UnknownOperation|UnsupportedOperation|NotImplemented)/, EXIT.failed, () => ['the server does not have this operation: it is older than this command, or is not a Tardigrade']],
  [/^(InternalServerException|InternalFailure|InternalError|ServiceException)$/, EXIT.failed, () => ['see the server\'s log and disk: on its host, tardigrade doctor']],
];

function explainApi(error: ApiError): Explanation {
  const row = BY_TYPE.find(([type]) => type.test(error.type));
  const message = error.message.includes(error.type) ? error.message : `${error.type}: ${error.message}`;
  return row === undefined ? { exitCode: EXIT.failed, message, fix: [] } : { exitCode: row[1], message, fix: row[2](error) };
}

/** Differences below are no reason for a refusal, ms. */
const CLOCKS_AGREE_MS = 60_000;

function fixSignature({ message, serverTime }: ApiError): readonly string[] {
  const ahead = Date.now() - (timeIn(message) ?? serverTime);
  if (/Signature (expired|not yet current)|too (large|skewed)/i.test(message) || Math.abs(ahead) > CLOCKS_AGREE_MS) {
    const off = Number.isNaN(ahead) ? 'and the server\'s differ' : `is ${durationText(Math.abs(ahead) / 1000)} ${ahead > 0 ? 'ahead of' : 'behind'} the server's`;
    return [`this computer's clock ${off}: set it (timedatectl set-ntp true), or the server's if that is the one that is off`];
  }
  const region = /this server is '([^']+)'/.exec(message)?.[1];
  if (region !== undefined) return [`the server's Region is ${region}: --region ${region}, or AWS_REGION=${region}`];
  return ['the secret key does not belong to the access key', ...OWN_KEYS];
}

/** The server's clock, as refusals for a time tell it: `(20261125T090000Z + 5 min.)`. */
function timeIn(message: string): number | undefined {
  const [, ...parts] = /\((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z [+-] \d+ min/.exec(message) ?? [];
  const [year = 0, month = 0, ...rest] = parts.map(Number);
  return parts.length === 0 ? undefined : Date.UTC(year, month - 1, ...rest);
}

const CERTIFICATE = /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/;

export function isCertificateError(code: string | undefined): boolean {
  return code !== undefined && CERTIFICATE.test(code);
}

export const TRUST = ['name the authority that signed it: --ca-file <ca.pem>, or TARDIGRADE_CA_FILE; the server has it in <data folder>/keys/ca.pem'];

function explainUnreachable({ message, code }: UnreachableError): Explanation {
  const exitCode = EXIT.unreachable;
  if (isCertificateError(code)) return { exitCode, message, fix: TRUST };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { exitCode, message, fix: ['the host\'s name is not known here: check --endpoint, AWS_ENDPOINT_URL, or the profile\'s endpoint_url'] };
  return { exitCode, message, fix: ['start it: sudo tardigrade serve', 'or name another: --endpoint http://<host>:7400'] };
}

function explainSystem(error: NodeJS.ErrnoException): Explanation {
  const message = messageOf(error);
  const exitCode = EXIT.failed;
  if (error.code === 'ENOSPC') return { exitCode, message: `the disk is full: ${message}`, fix: ['free space (df -h shows where), then try again'] };
  if (error.code === 'EACCES' || error.code === 'EPERM') return { exitCode, message, fix: ['this user may not do that: run it as root, or change the file\'s owner or mode'] };
  if (error.code === 'ENOENT' && error.path !== undefined) return { exitCode, message: `there is no ${error.path}`, fix: ['check the path'] };
  if (error.code === 'EADDRINUSE') return { exitCode, message, fix: ['something listens there: name another port, or end it (ss -ltnp shows it)'] };
  return { exitCode, message, fix: [] };
}
