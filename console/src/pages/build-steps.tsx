import { type BuildStep, listSteps } from '../api/images.js';
import { useNow, useQuery } from '../state/query.js';
import { Failure } from '../ui/panel.js';
import { Waterfall } from '../ui/waterfall.js';

interface BuildStepsProps {
  readonly arn: string;
  readonly version: string;
  readonly buildId: string;
  readonly live: boolean;
}

export function BuildSteps({ arn, version, buildId, live }: BuildStepsProps) {
  const { data, error } = useQuery(`steps ${buildId}`, (signal) => listSteps(arn, version, buildId, signal), { topic: arn, ...(live ? { everyMs: 2_000 } : {}) });
  const now = useNow();
  const steps = data ?? [];
  const [first] = steps;
  if (first === undefined) return <Failure error={error} />;
  const end = (step: BuildStep): number => step.endedAt ?? (live ? Math.max(now, step.startedAt) : step.startedAt);
  const from = first.startedAt;
  const spans = steps.map((step) => ({
    name: step.name,
    startMs: (step.startedAt - from) * 1000,
    durationMs: (end(step) - step.startedAt) * 1000,
    ...(step.status === 'RUNNING' ? { tone: 'busy' as const } : step.status === 'FAILED' ? { tone: 'bad' as const } : {}),
  }));
  return <Waterfall label="Steps of the build" spans={spans} totalMs={(Math.max(...steps.map(end)) - from) * 1000} />;
}
