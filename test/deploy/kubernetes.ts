// The manifests: each good by Kubernetes' own schemas (kubernetes-models: once checked at run time, once as TypeScript, which also
// finds keys that nobody knows), and all of them fitting together.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Service } from 'kubernetes-models/v1/Service';
import t from 'tap';
import ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';
import { PACKAGED } from '../../src/app/systemd/units.ts';
import { checkDeployed } from '../helpers/check-deployed.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'deploy', 'kubernetes');

type Json = Readonly<Record<string, unknown>> & { readonly kind: string };

const KINDS: Readonly<Record<string, { from: string; check: (data: never) => void }>> = {
  Namespace: { from: 'kubernetes-models/v1/Namespace', check: (data) => new Namespace(data).validate() },
  PersistentVolumeClaim: {
    from: 'kubernetes-models/v1/PersistentVolumeClaim',
    check: (data) => new PersistentVolumeClaim(data).validate(),
  },
  Deployment: {
    from: 'kubernetes-models/apps/v1/Deployment',
    check: (data) => new Deployment(data).validate(),
  },
  Service: { from: 'kubernetes-models/v1/Service', check: (data) => new Service(data).validate() },
  PodDisruptionBudget: {
    from: 'kubernetes-models/policy/v1/PodDisruptionBudget',
    check: (data) => new PodDisruptionBudget(data).validate(),
  },
  ServiceMonitor: {
    from: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
    check: (data) => new ServiceMonitor(data).validate(),
  },
};

const read = (path: string): string => readFileSync(join(FOLDER, path), 'utf8');
const resourcesOf = (folder: string): readonly string[] =>
  (parse(read(join(folder, 'kustomization.yaml'))) as { resources: string[] }).resources.map((path) =>
    join(folder, path),
  );
const FILES = [...resourcesOf('.'), ...resourcesOf('monitoring')];
const OBJECTS = FILES.flatMap((path) =>
  parseAllDocuments(read(path)).map((document) => document.toJS() as Json),
);

/** What TypeScript finds where these objects are written as literals of their types: unknown keys too. */
const misfits = (folder: string, objects: readonly Json[]): readonly string[] => {
  const path = join(folder, 'manifests.ts');
  const lines = objects.map((object, index) => {
    const from = KINDS[object.kind]?.from ?? 'nowhere';
    return `import type { I${object.kind} as T${index} } from '${from}';\nexport const o${index}: T${index} = ${JSON.stringify(object)};`;
  });
  writeFileSync(path, lines.join('\n'));
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    types: [],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  });
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
};

/** Next to the project, where its packages are found. */
const inProject = (t: Parameters<typeof tempDir>[0]): string =>
  tempDir(t, join(ROOT, 'node_modules', '.cache'));

t.test('each manifest is good by the schemas', async (t) => {
  t.strictSame(
    readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
      .filter(
        (path) => path.endsWith('.yaml') && !path.endsWith('kustomization.yaml') && path !== 'linkgate.yaml',
      )
      .toSorted(),
    FILES.toSorted(),
    'each file is a resource of a kustomization',
  );
  for (const object of OBJECTS) t.doesNotThrow(() => KINDS[object.kind]?.check(object as never), object.kind);
  t.strictSame(misfits(inProject(t), OBJECTS), []);
});

t.test('the check finds what is wrong', async (t) => {
  const [deployment] = OBJECTS.filter(({ kind }) => kind === 'Deployment');
  const text = JSON.stringify(deployment);
  const unknown = JSON.parse(text.replace('"readinessProbe"', '"redinessProbe"')) as Json;
  t.match(misfits(inProject(t), [unknown]), [/redinessProbe/]);
  const wrong = JSON.parse(text.replace('"replicas":2', '"replicas":"2"')) as Json;
  t.throws(() => KINDS['Deployment']?.check(wrong as never), /replicas/);
});

const one = <T>(kind: string, name?: string): T =>
  OBJECTS.find(
    (object) =>
      object.kind === kind && (name === undefined || (object['metadata'] as { name: string }).name === name),
  ) as T;

t.test('they fit together, the image and the configuration', async (t) => {
  const { spec } = one<{ spec: NonNullable<Deployment['spec']> }>('Deployment');
  const labels = spec.template.metadata?.labels ?? {};
  const pod = spec.template.spec;
  const [container] = pod?.containers ?? [];
  const ports = new Map(container?.ports?.map(({ name, containerPort }) => [name, containerPort]));
  t.match(labels, spec.selector.matchLabels ?? {});
  t.match(
    labels,
    one<{ spec: { selector: { matchLabels: object } } }>('PodDisruptionBudget').spec.selector.matchLabels,
  );
  for (const name of ['linkgate', 'linkgate-admin']) {
    const service = one<Service>('Service', name).spec;
    t.match(labels, service?.selector ?? {});
    for (const port of service?.ports ?? [])
      t.ok(ports.has(String(port.targetPort)), `${name}: ${port.targetPort}`);
  }
  const monitor = one<ServiceMonitor>('ServiceMonitor').spec;
  const admin = one<Service>('Service', 'linkgate-admin');
  t.match(admin.metadata?.labels, monitor?.selector.matchLabels ?? {});
  t.equal(admin.spec?.ports?.[0]?.name, monitor?.endpoints?.[0]?.port);
  const settings = parse(read('linkgate.yaml')) as {
    listen: Record<string, string>;
    admin: { tokenFile: string };
    certificates: { storage: { path: string } };
  };
  for (const [name, port] of ports) t.equal(settings.listen[name ?? ''], `:${port}`);
  const mounts = container?.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
  for (const path of [settings.admin.tokenFile, settings.certificates.storage.path])
    t.ok(
      mounts.some((mount) => path.startsWith(`${mount}/`)),
      path,
    );
  const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
  for (const probe of probes) t.ok(ports.has(String(probe?.httpGet?.port)));
  const user = /^USER (\d+):(\d+)$/m.exec(readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8'));
  t.equal(String(pod?.securityContext?.runAsUser), user?.[1]);
  t.equal(String(pod?.securityContext?.fsGroup), user?.[2]);
  const sleepMs = Number(container?.lifecycle?.preStop?.exec?.command?.[1]) * 1_000;
  t.ok((pod?.terminationGracePeriodSeconds ?? 0) * 1_000 > sleepMs + PACKAGED.drainMs + 10_000);
});

t.test('linkgate takes the configuration', async (t) => {
  t.match(await checkDeployed(t, join(FOLDER, 'linkgate.yaml')), { status: 0, stderr: '' });
});
