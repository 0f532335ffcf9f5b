import { killTests } from './kill.ts';

killTests({ host: 'functions', tracking: 'tracking', simulator: 'simulator' });
