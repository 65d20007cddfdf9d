/** Loads what the processes of tests load, and ends. */
import './moves-app.ts'
import '../client/open-loop.ts'
import '../../src/cli/program.ts'
