/** The command line of the package from its sources, which kills itself in call number `DIE_AT` into the file system. */
const { dieInCall } = require('./dieInCall.cjs');

dieInCall(Number(process.env.DIE_AT ?? Infinity));
require('../../src/cli.ts');
