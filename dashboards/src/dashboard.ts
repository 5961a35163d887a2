import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as text from '@grafana/grafana-foundation-sdk/text';
import { type PanelRow, panelOf } from './panel.ts';

export interface DashboardSection {
  readonly title: string;
  readonly panels: readonly PanelRow[];
}

export interface DashboardRow {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly sections: readonly DashboardSection[];
  /** What no panel can show, in Markdown. */
  readonly note?: { readonly title: string; readonly description: string; readonly content: string };
}

export function dashboardOf({ uid, title, description, sections, note }: DashboardRow): dashboard.Dashboard {
  const board = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['sagashift'])
    .editable()
    .timezone('browser')
    .time({ from: 'now-30m', to: 'now' })
    .refresh('10s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  // Grafana links to a panel by its id, and would give one of its own to each that has none.
  const ids = { last: 0 };
  const nextId = (): number => (ids.last += 1);
  for (const section of sections) {
    board.withRow(new dashboard.RowBuilder(section.title).id(nextId()));
    for (const row of section.panels) board.withPanel(panelOf(row).id(nextId()));
  }
  if (note !== undefined) {
    board.withRow(new dashboard.RowBuilder(note.title).id(nextId()));
    board.withPanel(noteOf(note).id(nextId()));
  }
  return board.build();
}

const noteOf = ({ title, description, content }: NonNullable<DashboardRow['note']>): text.PanelBuilder =>
  new text.PanelBuilder().title(title).description(description).content(content).span(24).height(6);
