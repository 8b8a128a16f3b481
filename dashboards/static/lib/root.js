// The path prefix below which a proxy shows the dashboard; "" without one.

export const root = globalThis.document?.body?.dataset?.root ?? "";
