// The socket that systemd gives its services (NOTIFY_SOCKET), kept by a program that writes down what comes: Node has no
// datagram sockets of that kind.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Test } from 'tap';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

const RECORD = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    message, fds, _, _ = socket.recv_fds(s, 65536, 4)
    for fd in fds: socket.close(fd)
    print(repr(message.decode()), flush=True)
`;

export interface NotifySocket {
  /** for NOTIFY_SOCKET */
  readonly path: string;
  /** every assignment so far, in the order in which it came */
  readonly heard: readonly string[];
}

/** needs('python3') */
export const notifySocket = async (t: Test): Promise<NotifySocket> => {
  const path = join(tempDir(t), 'notify');
  const child = spawn('python3', ['-c', RECORD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const heard: string[] = [];
  let bound = false;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'bound') bound = true;
      else
        heard.push(
          ...line
            .slice(1, -1)
            .split('\\n')
            .filter((one) => one !== ''),
        );
    }
  });
  await until('the socket is there', () => bound);
  return { path, heard };
};
