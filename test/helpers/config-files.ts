// Configuration files in a folder of their own, removed when the test ends.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';

export interface ConfigFiles {
  readonly folder: string;
  /** writes a file below the folder and returns its path */
  write(name: string, content: string | Uint8Array): string;
}

export const configFiles = (t: Pick<Test, 'teardown'>): ConfigFiles => {
  const folder = mkdtempSync(join(tmpdir(), 'linkgate-config-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    write: (name, content) => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
  };
};

/** A self-signed certificate, only to be read: P-256, valid until 2126. */
export const SAMPLE_CA_PEM = `-----BEGIN CERTIFICATE-----
MIIBjjCCATOgAwIBAgIUTKf+5IcKP3SsAxqmanrbB836wzkwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQbGlua2dhdGUgdGVzdCBDQTAgFw0yNjExMjMwNzI1NTNaGA8y
MTI2MTAzMDA3MjU1M1owGzEZMBcGA1UEAwwQbGlua2dhdGUgdGVzdCBDQTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABLFeIyhYb/a5aZwhc0DmDDJtyEi8/DHF/Kti
xfyD/jbIOhLySlWUCrnhTh2KmGd8Jm5FSjCtMO1mZbY3alSYweajUzBRMB0GA1Ud
DgQWBBTUQbPG6WQKSBO9i4CGAOoRK1KIczAfBgNVHSMEGDAWgBTUQbPG6WQKSBO9
i4CGAOoRK1KIczAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDu
KZN7w+N54a3VSLXjEkKibU759arT5RFzEKmGKBJYiAIhAKjjfuwt4zxqJLYqwAGJ
lblOwMixtjkMR+FMe0SqZwBz
-----END CERTIFICATE-----
`;

/** An assetlinks.json of the right shape. */
export const SAMPLE_ANDROID_LINKS = JSON.stringify([
  {
    relation: ['delegate_permission/common.handle_all_urls'],
    target: {
      namespace: 'android_app',
      package_name: 'com.acme.app',
      sha256_cert_fingerprints: [Array(32).fill('AB').join(':')],
    },
  },
]);
