/** `tardigrade check`, for the command line. */
export { type CheckHost, type CheckOptions, runCheck } from './run.js';
export { readPattern } from './pattern.js';
export { htmlReport } from './report/html.js';
export { textReport } from './report/text.js';
export { type Report, SECTIONS, type SectionName } from './types.js';
