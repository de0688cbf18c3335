/**
 * Whether `Accept` (RFC 9110 §12.5.1) would rather have YAML (RFC 9512) than JSON, which is what everybody gets who does
 * not ask for it by name.
 */
export function prefersYaml(accept: string | undefined): boolean {
  const weights = new Map((accept ?? '').split(',').map(readRange));
  const yaml = weights.get('application/yaml') ?? 0;
  const named = weights.get('application/json');
  const json = named ?? weights.get('application/*') ?? weights.get('*/*') ?? 0;
  return yaml > json || (yaml > 0 && yaml === json && named === undefined);
}

function readRange(range: string): [type: string, weight: number] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const weight = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
  return [type, weight >= 0 && weight <= 1 ? weight : 0];
}
