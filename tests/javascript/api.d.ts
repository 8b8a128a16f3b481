// Types of the HTTP API, generated from its OpenAPI description: `make api-types`.

declare namespace Api {
  interface AttemptDetail {
    number: number;
    owner: string;
    host: string;
    accelerator: string;
    versions: Record<string, string>;
    slot: number | null;
    resumed: number;
    started_at: string;
    ended_at: string | null;
    seconds: number | null;
    outcome: "completed" | "handed_back" | "expired" | "crashed" | "failed" | "cancelled" | "pruned" | "released" | null;
    error: string | null;
  }
  interface BestSoFar {
    tid: number[];
    finished: number[];
    number: number[];
    loss: number[];
    value: number[];
  }
  interface BestTrial {
    tid: number;
    loss: number | null;
    value: number | null;
    seeds?: number | null;
    low?: number | null;
    high?: number | null;
  }
  interface CategoricalImportance {
    letter: string;
    name: string;
    label: string;
    question: string;
    difference: number | null;
    column: string | null;
    values: CategoryScore[];
  }
  interface CategoryScore {
    option: string;
    count: number;
    mean: number | null;
    sem: number | null;
    options: number[];
  }
  interface ChangeRequest {
    until?: string | null;
    timeout?: string | null;
    stop_at?: number | null;
    patience?: number | null;
    max_failures?: number | null;
    notify?: string | null;
    trials?: number | null;
    parallel?: number | null;
    priority?: number | null;
    without?: string[];
  }
  interface Checked {
    ok: true;
    command: string;
    search: Record<string, JsonValue>;
  }
  interface ColumnHead {
    name: string;
    label: string;
    kind: "integer" | "number" | "category" | "time";
    role: "trial" | "score" | "metric" | "violation" | "metaparameter";
    options?: (boolean | number | string | null)[] | null;
    log?: boolean | null;
    low?: number | null;
    high?: number | null;
    when?: string | null;
  }
  interface Compared {
    summary: SearchSummary;
    best: BestSoFar;
  }
  interface Comparison {
    searches: Compared[];
    table: ResultTable;
  }
  interface ConfirmRequest {
    top?: number | null;
    seeds?: number | null;
  }
  interface ConfirmationState {
    asked: boolean;
    top: number | null;
    seeds: number | null;
    share: number | null;
    ended: RepetitionRow[];
    live: RepetitionRow[];
    result: ConfirmedBest | null;
    words: string[];
  }
  interface ConfirmedBest {
    winner: RepeatedTrial;
    others: RepeatedTrial[];
    chance_another_better: number | null;
    ties: number[];
    not_told_apart: number[];
    lucky: RepeatedTrial | null;
    repetitions: number;
    without_result: number;
  }
  interface Curve {
    tid: number;
    rank: number | null;
    top: boolean;
    loss: number | null;
    value: number | null;
    epoch: number[];
    values: (number | null)[];
    ended: "pruned" | "diverged" | null;
  }
  interface Curves {
    rev: number;
    total: number;
    shown: number;
    note: string;
    unit: "epoch" | "step";
    metric: string;
    metrics: ReportedMetric[];
    curves: Curve[];
  }
  interface Deleted {
    message: string;
    left: string;
  }
  interface EnqueueRequest {
    points?: (Record<string, boolean | number | string | null>)[] | null;
    table?: string | null;
    published?: boolean;
    from_search?: string | null;
    top?: number;
  }
  interface Epochs {
    count: number;
    epochs: number | null;
    unit: "epoch" | "step";
    attempt: number[];
    epoch: number[];
    seconds: (number | null)[];
    series: Series[];
    layers: LayerCurves[];
  }
  interface Error {
    error: ErrorDetail;
  }
  interface ErrorDetail {
    code: string;
    message: string;
    field?: string | null;
  }
  interface Event {
    search: string;
    at: string;
    who: string;
    what: string;
    detail?: string;
  }
  interface Events {
    events: Event[];
  }
  interface FailureReason {
    reason: string;
    kind: string;
    count: number;
    tids: number[];
  }
  interface Failures {
    total: number;
    diverged: string[];
    by_reason: FailureReason[];
    by_host: FailuresOfHost[];
  }
  interface FailuresOfHost {
    host: string;
    attempts: number;
    crashed: number;
    expired: number;
    diverged: number;
  }
  interface GivenPoints {
    message: string;
    numbers: number[];
    left_out: string[];
    summary: SearchSummary;
  }
  interface Health {
    store: string;
    available: boolean;
    message: string;
    version: string;
  }
  interface ImportRequest {
    table?: string | null;
    mongotrials?: string | null;
    exp_key?: string | null;
  }
  interface Importances {
    state: "computing" | "ready" | "too_few";
    message: string;
    rev: number;
    trials: number;
    again_at: number;
    stale: boolean;
    score_label: string;
    importance: ParameterImportance[];
    categorical: CategoricalImportance[];
  }
  type JsonValue = any;
  interface LayerCurves {
    name: string;
    angle: (number | null)[];
    norm_ratio: (number | null)[];
    gradient_angle: (number | null)[] | null;
    sign_agreement: (number | null)[] | null;
  }
  interface Limits {
    until: string | null;
    timeout: number | null;
    driven_seconds: number;
    stop_at: number | null;
    patience: number | null;
    max_failures: number | null;
    failures_allowed: number;
    progress: Record<string, string>;
    ended_by: string | null;
  }
  interface Log {
    attempt: number;
    available: boolean;
    lines: LogLine[];
    note: string;
  }
  interface LogLine {
    at: string | null;
    level: string;
    text: string;
  }
  interface LoginRequest {
    name: string;
    token: string;
  }
  interface LongerRequest {
    tid?: number | null;
    epochs?: number;
    seeds?: number;
  }
  interface Metric {
    name: string;
    label: string;
    direction: "minimize" | "maximize";
  }
  interface MissingColumn {
    name: string;
    reason: string;
  }
  interface NamedNumber {
    label: string;
    value: number | null;
    unit: "" | "s";
  }
  interface NoteRequest {
    note: string;
  }
  interface Nothing {
  }
  interface Notice {
    id: string;
    kind: "ended" | "diverging" | "standing-still";
    search: string;
    text: string;
  }
  interface Notices {
    notices: Notice[];
  }
  interface Parameter {
    name: string;
    label: string;
    kind: string;
    sampled: boolean;
    log?: boolean;
    low?: number | null;
    high?: number | null;
    middle?: number[] | null;
    options?: (boolean | number | string | null)[] | null;
    value?: JsonValue;
    formula?: string | null;
    when?: string | null;
    text: string;
    source: string;
  }
  interface ParameterImportance {
    name: string;
    label: string;
    importance: number;
    sd: number;
    trials: number;
    column: string;
  }
  interface Recipe {
    dataset: string;
    model?: "resnet18" | "resnet34" | "resnet50" | "resnet101" | "resnet152" | "resnet50v2" | "resnet101v2" | "resnet152v2" | "resnet20" | "resnet18_projecting" | "resnet34_projecting" | "dense" | "convnet" | "lenet";
    data_dir?: string | null;
    epochs: number;
    schedule_epochs?: number;
    width: number;
    weights_order?: "paper" | "reference";
    image_size?: number | null;
    on_corrupt?: "refuse" | "skip";
    precision?: "float32" | "bfloat16";
    strategy?: "auto" | "one" | "mirrored" | "tpu";
    update_noise_variance?: number;
    robustness?: boolean;
    stem: string;
    epoch_seconds?: number;
    batch_divisor?: number;
    metric?: string;
    weight_samples?: WeightSampling | null;
    sources?: StoredSource[];
  }
  interface RenameRequest {
    name: string;
  }
  interface RepeatedTrial {
    tid: number;
    mean: number;
    standard_error: number | null;
    low: number | null;
    high: number | null;
    values: number[];
    first: number | null;
    flattered: number | null;
    chance_better: number | null;
    diverged: number;
  }
  interface RepetitionRow {
    tid: number;
    of: number;
    repeat: number;
    state: "queued" | "running" | "completed" | "diverged" | "failed";
    value: number | null;
  }
  interface ReportedMetric {
    name: string;
    label: string;
  }
  interface ResultTable {
    title: string;
    columns: TableColumn[];
    rows: TableCells[];
    notes: string[];
    missing: MissingColumn[];
  }
  interface RetryRequest {
    tids?: number[] | null;
  }
  interface Reuse {
    python: string;
    json_text: string;
    command: string;
    weights: Weights;
  }
  interface RuleRow {
    name: string;
    space: string;
    dimensions: number | null;
    search: string;
    state: "queued" | "searching" | "repeating" | "searched" | "training" | "done" | "diverged" | "paused" | "stopped";
    driven: boolean;
    finished: number;
    diverged: number;
    best: number | null;
    seeds: number | null;
    errors: number[];
    seeds_diverged: number;
    seeds_missing: number;
    mean: number | null;
    low: number | null;
    high: number | null;
    chance_best: number | null;
    told_apart: boolean | null;
    runs: RuleRuns[];
  }
  interface RuleRuns {
    name: string;
    kind: "seeds" | "noise";
    status: SearchStatus;
  }
  interface RuleTable {
    title: string;
    dataset: string;
    model: string;
    width: number;
    epochs: number;
    trials: number;
    generation: number | null;
    algo: string;
    seed: number;
    words: string[];
    rules: RuleRow[];
  }
  interface RuleTables {
    tables: RuleTable[];
  }
  interface SearchDetail {
    rev: number;
    now: number;
    summary: SearchSummary;
    space: Space;
    recipe: Recipe | null;
    took: Took;
    versions: Record<string, string>;
    resources: Record<string, number>;
    hosts: string[];
  }
  type SearchStatus = "queued" | "running" | "paused" | "completed" | "cancelled" | "failed";
  interface SearchSummary {
    name: string;
    space: string;
    kind: "search" | "runs" | "unknown";
    rehearsal: boolean;
    status: SearchStatus;
    stop_requested: boolean;
    metric: Metric;
    metrics: Metric[];
    constraints: string[];
    prior: string | null;
    objective: string;
    dataset: string | null;
    model: string | null;
    width: number | null;
    epochs: number | null;
    unit: "epoch" | "step";
    trials: number;
    parallel: number;
    algo: string;
    seed: number;
    priority: number;
    counts: Record<TrialState, number>;
    finished: number;
    busy: number;
    slots: Record<string, number>;
    best: BestTrial | null;
    nearest: BestTrial | null;
    chance: number | null;
    seconds_left: number | null;
    waits_for: string;
    driver: string | null;
    driven: boolean;
    owner: string;
    created_at: string;
    updated_at: string;
    age: number;
    error: string | null;
    ending: string | null;
    diverged: number;
    limits: Limits;
    note: string;
    tags: string[];
    next: string | null;
    steps: ("pause" | "resume" | "stop" | "cancel")[];
    changes: ("extend" | "set")[];
  }
  interface Searches {
    now: number;
    searches: SearchSummary[];
  }
  interface Series {
    name: string;
    label: string;
    role: "measured" | "rate" | "other";
    values: (number | null)[];
  }
  interface SessionState {
    user: string | null;
    can_steer: boolean;
    login: "none" | "needed" | "done" | "impossible";
    why: string | null;
    csrf: string;
  }
  interface SlotUse {
    rev: number;
    now: number;
    slots: number;
    total: number;
    tid: number[];
    attempt: number[];
    lane: number[];
    started: number[];
    ended: number[];
    end: string[];
    at: number[];
    busy: number[];
    hours: Record<string, number>;
  }
  interface Space {
    name: string;
    title: string;
    learning_rule: string;
    source: string;
    space_hash: string;
    known: boolean;
    parameters: Parameter[];
  }
  interface Steered {
    message: string;
    summary: SearchSummary;
  }
  interface StoredSource {
    kind: "shipped" | "module" | "file" | "session";
    address: string;
    path?: string | null;
    sha256?: string | null;
    packages?: Record<string, string>;
    beside?: string[];
  }
  interface SubmitField {
    name: string;
    label: string;
    section: string;
    kind: "integer" | "number" | "text" | "choice";
    options: string[] | null;
    required: boolean;
    default: boolean | number | string | null;
    help: string;
  }
  interface SubmitForm {
    spaces: Space[];
    fields: SubmitField[];
    defaults: Record<string, boolean | number | string | null>;
  }
  interface SubmitRequest {
    space: "wm" | "wm_ad" | "wm_ad_ops" | "ia" | "dfa" | "usf" | "brsf" | "frsf" | "pfa" | "fair_bp" | "fair_fa" | "fair_dfa" | "fair_usf" | "fair_brsf" | "fair_frsf" | "fair_kp" | "fair_wm" | "fair_wm_ad" | "fair_ia" | "fair_sa" | "fair_aa" | "fair_pfa";
    name?: string | null;
    fix?: string[];
    range?: string[];
    own_process?: boolean;
    trials?: number;
    parallel?: number | null;
    seed?: number;
    dataset?: "digits" | "fashion_mnist" | "fashion_mnist_32" | "cifar10" | "cifar100" | "imagenet" | "rehearsal";
    model?: "resnet18" | "resnet34" | "resnet50" | "resnet101" | "resnet152" | "resnet50v2" | "resnet101v2" | "resnet152v2" | "resnet20" | "resnet18_projecting" | "resnet34_projecting" | "dense" | "convnet" | "lenet";
    data_dir?: string | null;
    epochs?: number;
    schedule_epochs?: number | null;
    width?: number | null;
    weights_order?: "paper" | "reference";
    image_size?: number | null;
    on_corrupt?: "refuse" | "skip";
    precision?: "float32" | "bfloat16";
    strategy?: "auto" | "one" | "mirrored" | "tpu";
    update_noise_variance?: number;
    robustness?: boolean;
    until?: string | null;
    timeout?: string | null;
    stop_at?: number | null;
    patience?: number | null;
    max_failures?: number | null;
    confirm?: boolean;
    top?: number | null;
    seeds?: number | null;
    note?: string;
    tag?: string[];
    prior?: string | null;
    metric?: string[];
    constraint?: string[];
    notify?: string | null;
    tensorboard?: string | null;
    mlflow?: string | null;
    wandb?: string | null;
    algo?: "tpe" | "combined" | "random" | "anneal" | "grid" | "sobol" | "optuna:tpe" | "optuna:gp" | "optuna:cmaes" | "optuna:nsgaii" | "optuna:qmc" | "optuna:random";
    startup?: number | null;
    pending?: "hyperopt" | "ignore" | "liar-mean" | "liar-worst";
    generation?: number | null;
    resources?: string | null;
    allow_gpu_fraction?: boolean;
    priority?: number;
    max_attempts?: number;
    checkpoints?: string | null;
    keep_checkpoints?: number;
    lease?: number;
    stalled_after?: number;
    pruner?: "none" | "asha" | "median";
    grace?: number;
    reduction?: number;
    pruned_as?: "loss" | "fail";
    warm_start?: string | null;
  }
  interface Submitted {
    name: string;
    href: string;
  }
  interface TableCells {
    name: string;
    field: string;
    cells: string[];
  }
  interface TableColumn {
    title: string;
    note: string;
    space: string;
  }
  interface TableRow {
    name: string;
    field: string;
    cell: string;
    value: JsonValue;
    sampled: boolean;
  }
  interface TagRequest {
    add?: string[];
    remove?: string[];
  }
  interface Took {
    slots: number;
    accelerator_hours: Record<string, number>;
    ends: Record<string, number>;
    repetitions: number;
    estimated_seconds: Record<string, number>;
  }
  interface TrialColumns {
    rev: number;
    count: number;
    reset: boolean;
    epoch0: number;
    columns: ColumnHead[];
    values: Record<string, (number | null)[]>;
    best: BestSoFar;
    front: number[];
    summary: SearchSummary;
    now: number;
  }
  interface TrialDetail {
    tid: number;
    search: string;
    kind: "search" | "runs" | "unknown";
    rehearsal: boolean;
    state: "queued" | "running" | "completed" | "diverged" | "failed" | "cancelled" | "pruned";
    rev: number;
    metric: Metric;
    loss: number | null;
    value: number | null;
    current: number | null;
    outcome: string | null;
    reason: string | null;
    cause: string | null;
    note: string | null;
    metrics: Record<string, number | null>;
    measured: NamedNumber[];
    best_epoch: number | null;
    unit: "epoch" | "step";
    epoch: number | null;
    epochs: number | null;
    error: string | null;
    rank: number | null;
    of: number;
    rows: TableRow[];
    config: JsonValue;
    attempts: AttemptDetail[];
    timings: Record<string, string>;
    resources: Record<string, number>;
    previous: number | null;
    next: number | null;
  }
  interface TrialPage {
    rev: number;
    page: number;
    page_size: number;
    pages: number;
    total: number;
    matching: number;
    rows: TrialRow[];
  }
  interface TrialRow {
    tid: number;
    state: "queued" | "running" | "completed" | "diverged" | "failed" | "cancelled" | "pruned";
    loss: number | null;
    value: number | null;
    current: number | null;
    metrics: Record<string, number | null>;
    epoch: number | null;
    attempt: number;
    seconds: number | null;
    started: number | null;
    finished: number | null;
    host: string | null;
    outcome: string | null;
    note: string | null;
    config: Record<string, boolean | number | string | null>;
    cells: Record<string, string>;
  }
  type TrialState = "queued" | "running" | "completed" | "failed" | "cancelled" | "pruned";
  interface WeightSampling {
    layers: string[];
    epochs: number[];
    pairs?: number;
  }
  interface Weights {
    state: "kept" | "removed" | "elsewhere" | "none";
    text: string;
    folder: string | null;
    code: string | null;
  }
}
