/** AWS's limits, per account and Region (spec §10, §15), and the profile without them. */
import type { Limits, Rate } from './contracts.js';

/** Regions where an account starts with more memory and builds. */
const LARGE_REGIONS: readonly string[] = ['us-east-1', 'us-east-2', 'us-west-2', 'ap-northeast-1'];

/** Kept free for the host itself. Physical, so it holds in every profile. Unknown: host-margin */
const HOST_MARGIN_MIB = 512;

function evenRate(perSecond: number): Rate {
  return { perSecond, burst: perSecond };
}

/** Bursts as documented; users report that 10 to 20 Runs at once passed. Unknown: run-burst */
export function awsLimits(region: string): Limits {
  const large = LARGE_REGIONS.includes(region);
  return {
    rates: {
      RunMicrovm: evenRate(5),
      ResumeMicrovm: evenRate(5),
      SuspendMicrovm: evenRate(2),
      TerminateMicrovm: evenRate(10),
      GetMicrovm: evenRate(100),
      CreateMicrovmAuthToken: evenRate(50),
      CreateMicrovmShellAuthToken: evenRate(5),
    },
    // The others have no published rate: Lambda's own for control-plane requests, more for reads. Unknown: other-rates
    readRate: evenRate(100),
    writeRate: evenRate(15),
    images: 100,
    versionsPerImage: 50,
    concurrentBuilds: large ? 10 : 5,
    memoryMiB: (large ? 1024 : 400) * 1024,
    hostMarginMiB: HOST_MARGIN_MIB,
  };
}

/** For a private machine: no limit but the host's own memory. */
export const unlimited: Limits = {
  rates: {},
  readRate: null,
  writeRate: null,
  images: null,
  versionsPerImage: null,
  concurrentBuilds: null,
  memoryMiB: null,
  hostMarginMiB: HOST_MARGIN_MIB,
};

/** What AWS calls each quota, sent with its refusal. Rates have a second code for the burst; the first is sent. */
export const quotaCodes: Readonly<Record<string, string>> = {
  RunMicrovm: 'L-535CA9B6',
  ResumeMicrovm: 'L-118C44B3',
  SuspendMicrovm: 'L-90045317',
  TerminateMicrovm: 'L-74787B8A',
  CreateMicrovmAuthToken: 'L-7712260B',
  images: 'L-942E56BE',
  versionsPerImage: 'L-F8BECE9C',
  memory: 'L-CD1C0CC4',
};
