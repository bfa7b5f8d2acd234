/** Reads identity-based policy documents and answers questions about them. */
import { z } from 'zod';
import { contextValues, readCondition, type Condition, type Values } from './condition.js';
import { PolicyError, type AccessQuestion, type Decision, type PolicySet } from './contracts.js';
import { matchesArn, matchesWildcard } from './wildcard.js';

const oneOrMore = z.union([z.string().transform((text) => [text]), z.array(z.string()).min(1)]);
const conditionValue = z.union([z.string(), z.boolean().transform(String), z.number().transform(String)]);
const conditionValues = z.union([conditionValue.transform((value) => [value]), z.array(conditionValue).min(1)]);

/** Strict: an element nobody enforces must not look as if it were. Principal has no place in an identity's policy. */
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMore.optional(),
  NotAction: oneOrMore.optional(),
  Resource: oneOrMore.optional(),
  NotResource: oneOrMore.optional(),
  Condition: z.record(z.string(), z.record(z.string(), conditionValues)).optional(),
});

const documentSchema = z.strictObject({
  /** Absent means the older, as in IAM. */
  Version: z.enum(['2012-10-17', '2008-10-17']).default('2008-10-17'),
  Id: z.string().optional(),
  /** One, or a list; not a union, whose complaints would not name the element at fault. */
  Statement: z.preprocess((value): unknown[] => (Array.isArray(value) ? value : [value]), z.array(statementSchema)),
});

interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly covers: (action: string, resource: string, values: Values) => boolean;
}

/** Throws PolicyError naming document and statement. */
export function readPolicies(documents: readonly unknown[]): PolicySet {
  const statements = documents.flatMap((document, i) => readDocument(document, `policy ${i + 1}`));
  const denies = statements.filter(({ effect }) => effect === 'Deny');
  const allows = statements.filter(({ effect }) => effect === 'Allow');
  return {
    decide({ action, resource, context }: AccessQuestion): Decision {
      const values = contextValues(context);
      const lower = action.toLowerCase();
      const covers = (statement: Statement): boolean => statement.covers(lower, resource, values);
      if (denies.some(covers)) return 'explicit-deny';
      return allows.some(covers) ? 'allow' : 'implicit-deny';
    },
  };
}

function readDocument(document: unknown, where: string): Statement[] {
  const parsed = documentSchema.safeParse(document);
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`);
    throw new PolicyError(`${where} is no policy document (${places.join('; ')})`);
  }
  // Policy variables exist in the newer version only; in the older the characters stand for themselves.
  if (parsed.data.Version === '2012-10-17' && JSON.stringify(parsed.data.Statement).includes('${')) {
    throw new PolicyError(`${where} uses a policy variable (\${...}), which this server does not replace: write the value out`);
  }
  return parsed.data.Statement.map((statement, i) => readStatement(statement, `${where}, statement ${statement.Sid ?? i + 1}`));
}

function readStatement(statement: z.output<typeof statementSchema>, where: string): Statement {
  const { Effect, Action, NotAction, Resource, NotResource } = statement;
  if ((Action === undefined) === (NotAction === undefined)) throw new PolicyError(`${where} must have either Action or NotAction`);
  if ((Resource === undefined) === (NotResource === undefined)) throw new PolicyError(`${where} must have either Resource or NotResource`);
  const actions = (Action ?? NotAction ?? []).map((pattern) => readAction(pattern, where));
  const resources = (Resource ?? NotResource ?? []).map((pattern) => readResource(pattern, where));
  const condition = conditionOf(statement, where);
  return {
    effect: Effect,
    covers: (action, resource, values) =>
      actions.some((pattern) => matchesWildcard(pattern, action)) === (Action !== undefined) &&
      resources.some((pattern) => matchesArn(pattern, resource)) === (Resource !== undefined) &&
      condition(values),
  };
}

/** Actions are matched without regard to case. */
function readAction(pattern: string, where: string): string {
  if (pattern !== '*' && !/^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(pattern)) {
    throw new PolicyError(`${where}: '${pattern}' is no action: write <service>:<operation>, e.g. lambda:RunMicrovm or lambda:Get*`);
  }
  return pattern.toLowerCase();
}

function readResource(pattern: string, where: string): string {
  if (pattern !== '*' && !/^arn:([^:]*:){4}.+$/.test(pattern)) {
    throw new PolicyError(`${where}: '${pattern}' is no resource: write * or an ARN, arn:<partition>:<service>:<region>:<account>:<resource>`);
  }
  return pattern;
}

function conditionOf({ Condition: block = {} }: z.output<typeof statementSchema>, where: string): Condition {
  try {
    return readCondition(block);
  } catch (error) {
    if (error instanceof PolicyError) throw new PolicyError(`${where}: ${error.message}`);
    throw error;
  }
}
