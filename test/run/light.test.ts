import { runTogether, testFilesOf } from '../kit/together.js';

await runTogether([...testFilesOf('conformance'), ...testFilesOf('native'), ...testFilesOf('adversarial')]);
