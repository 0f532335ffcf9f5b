/** `npm run token -- WHO [--data DIR]`: prints a token for one of the demonstration's people or machines. */
import { tokenCommand } from 'azure-local/identity/token-command';

try {
  process.stdout.write(`${await tokenCommand(process.argv.slice(2))}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
