/**
 * @file What is known of a run of serving, as files have it and pages show it. Types alone: the page's script is made of them, too.
 */

/** Null where there was nothing to measure: the TPOT of requests of one token. */
export interface ServeMetrics {
  /** Requests that got all of their tokens: all, or the run has failed. */
  readonly completed: number;
  /** Seconds from the start to the last token. */
  readonly duration: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly request_throughput: number;
  readonly output_throughput: number;
  readonly total_token_throughput: number;
  readonly mean_ttft_ms: number | null;
  readonly median_ttft_ms: number | null;
  readonly p99_ttft_ms: number | null;
  readonly mean_tpot_ms: number | null;
  readonly median_tpot_ms: number | null;
  readonly p99_tpot_ms: number | null;
  readonly mean_itl_ms: number | null;
  readonly median_itl_ms: number | null;
  readonly p99_itl_ms: number | null;
  readonly mean_e2el_ms: number | null;
  readonly median_e2el_ms: number | null;
  readonly p99_e2el_ms: number | null;
}

/** A row as it is read: variants of other versions may have other names. */
export interface ServeSummaryRow extends ServeMetrics {
  readonly variant: string;
  readonly request_rate: number;
}

/** What a page shows of it. */
export interface ServeSummary {
  readonly crossover: string;
  readonly date: string;
  readonly command: string;
  readonly engine: string;
  readonly host: { readonly cpu: string; readonly cores: number };
  readonly device: Readonly<Record<string, string>>;
  readonly model: string;
  readonly worldSize: number;
  readonly prompt: string;
  readonly seconds: number;
  readonly seed: number;
  readonly schedule: string;
  readonly rows: readonly ServeSummaryRow[];
}
