/**
 * What is known of a broker that differs: each difference as it was seen, and why it is one. Kept as
 * data beside the exchanges, `fixtures/wire/differences/<broker>.json`.
 */
import type { Outcome } from '@promptmq/testing'

/** What a difference means. */
export const VERDICTS = {
  breaks: 'it breaks the standard',
  code: 'it does what it must, with another Reason Code',
  choice: 'the standard leaves it open',
} as const

/** A difference that somebody has looked into. */
export interface KnownDifference {
  readonly file: string
  readonly exchange: string
  /** Where and how it shows: a broker that differs otherwise is not explained by it. */
  readonly step: number
  readonly got: string
  /** What the broker does, what ours does, and what the standard says, for readers. */
  readonly does: string
  readonly ours: string
  readonly why: string
  readonly verdict: keyof typeof VERDICTS
}

/** One file. */
export interface KnownDifferences {
  /** Name and version. */
  readonly broker: string
  readonly differences: readonly KnownDifference[]
}

/** How an exchange stands to what is known. */
export type Judgement = 'same' | 'explained' | 'unexplained' | 'explained and not there'

/** @throws Error for an explanation that says nothing. */
export function parseDifferences(text: string): KnownDifferences {
  const known = JSON.parse(text) as KnownDifferences
  for (const difference of known.differences) {
    const { exchange, does, ours, why, verdict } = difference
    if (![does, ours, why].every((words) => typeof words === 'string' && words.length > 0)) {
      throw new Error(`'${exchange}' is not explained`)
    }
    if (!Object.hasOwn(VERDICTS, verdict)) throw new Error(`'${exchange}' has no verdict`)
  }
  return known
}

/** What an outcome is, given what is known. */
export function judge({ exchange, difference }: Outcome, known: KnownDifferences): Judgement {
  const about = known.differences.find(
    (one) => one.file === exchange.file && one.exchange === exchange.name,
  )
  if (difference === null) return about === undefined ? 'same' : 'explained and not there'
  const isAsKnown = about?.step === difference.step && about.got === difference.got
  return isAsKnown ? 'explained' : 'unexplained'
}

const BEGIN = '<!-- made by npm run wire-exchanges -- --document -->'
const END = '<!-- end of what is made -->'

/**
 * The document with its table made anew: what stands between two marks.
 *
 * @throws Error where the marks are missing.
 */
export function withTable(document: string, known: KnownDifferences): string {
  const from = document.indexOf(BEGIN)
  const to = document.indexOf(END)
  if (from < 0 || to < from) throw new Error('the document has no marks for its table')
  const table = differencesTable(known).join('\n')
  return `${document.slice(0, from)}${BEGIN}\n\n${table}\n\n${document.slice(to)}`
}

function differencesTable({ broker, differences }: KnownDifferences): string[] {
  const lines: string[] = []
  for (const [verdict, title] of Object.entries(VERDICTS)) {
    const rows = differences.filter((difference) => difference.verdict === verdict)
    lines.push(
      `### ${broker}: ${title} (${rows.length})`,
      '',
      `| exchange | ${broker} | ours | what the standard says |`,
      '| --- | --- | --- | --- |',
      ...rows.map(
        ({ file, exchange, does, ours, why }) =>
          `| ${file}: ${[exchange, does, ours, why].map(cell).join(' | ')} |`,
      ),
      '',
    )
  }
  return lines.slice(0, -1)
}

/** What Markdown would take for its own. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;')
}
