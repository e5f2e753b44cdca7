#!/usr/bin/env node
// Words in, exit code out: picks the command and loads only that command's code.

process.stdout.write('linkgate: no command yet\n');
