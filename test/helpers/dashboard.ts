// The queries of the Grafana dashboard, as Grafana would send them.

import { readFileSync } from 'node:fs';

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

export interface DashboardQuery {
  readonly panel: string;
  readonly expr: string;
}

export const dashboard = JSON.parse(
  readFileSync(new URL('../../deploy/grafana/linkgate.json', import.meta.url), 'utf8'),
) as Dashboard;

export const dashboardQueries: readonly DashboardQuery[] = dashboard.panels.flatMap(
  ({ title, targets = [] }) => targets.map(({ expr }) => ({ panel: title, expr })),
);

/** With the variables at "All", and short ranges: the test does not run for hours. */
export const asSent = (expr: string): string =>
  expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(/\$(job|instance)\b/g, '.+')
    .replaceAll(/\[(1h|1d)\]/g, '[1m]');
