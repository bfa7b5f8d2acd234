// A process that generated random bytes before the snapshot, and does again for each line it gets.
const crypto = require('node:crypto');
crypto.randomBytes(1);
process.stdin.on('data', () => process.stdout.write(`${crypto.randomBytes(16).toString('hex')}\n`));
process.stdout.write('ready\n');
