import type { ErrorDetail } from '../../kernel/errors.ts';
import type { FieldChange, Policy, RequestTransform, ResponseTransform } from '../compiled.ts';
import { faultOfCredentialTemplate } from '../headers/credentials.ts';
import {
  CREDENTIAL_FIELDS,
  faultOfRenamedTo,
  faultOfRequestField,
  faultOfResponseField,
  isFieldName,
} from '../headers/fields.ts';
import { BODILESS } from '../message.ts';
import { readExpression } from './expression.ts';
import { readPointer } from './mask.ts';
import { faultOfPath } from './path.ts';
import { faultOfTemplate } from './template.ts';

type Parameters = readonly string[] | undefined;

const at = (path: string, message: string | undefined): ErrorDetail[] =>
  message === undefined ? [] : [{ path, message }];

function fieldFaults(
  changes: readonly FieldChange[],
  path: string,
  parameters: Parameters,
  faultOfName: (name: string) => string | undefined,
  faultOfTarget = faultOfName,
): ErrorDetail[] {
  return changes.flatMap((change, index) => {
    const removes = change.do === 'remove';
    const named = at(`${path}.${index}.name`, removes ? faultOfRemoved(change.name, path) : faultOfName(change.name));
    if (removes) return named;
    const fault = change.do === 'rename' ? faultOfTarget(change.value) : faultOfTemplate(change.value, parameters);
    return [...named, ...at(`${path}.${index}.value`, fault)];
  });
}

/** By it a call that goes in circles is known (RFC 9110 §7.6.3). */
const faultOfRemoved = (name: string, path: string) =>
  path.endsWith('.headers') && name.toLowerCase() === 'via' ? 'is written by the gateway itself' : undefined;

/** Anything may be a parameter's name but nothing. */
const faultOfParameter = (name: string) => (name === '' ? 'must not be empty' : undefined);

function requestFaults(request: RequestTransform, parameters: Parameters): ErrorDetail[] {
  const { path } = request;
  return [
    ...fieldFaults(request.headers, 'request.headers', parameters, faultOfRequestField),
    ...fieldFaults(request.query, 'request.query', parameters, faultOfParameter),
    ...(path === null ? [] : at('request.path', faultOfTemplate(path, parameters) ?? faultOfPath(path))),
    ...expressionFaults(request.body?.expression, 'request.body.expression'),
  ];
}

function expressionFaults(expression: string | undefined, path: string): ErrorDetail[] {
  if (expression === undefined) return [];
  const read = readExpression(expression);
  return read.ok ? [] : [{ path, message: read.fault }];
}

/** An answer may not lose its body by being renamed. */
function statusFault({ from, to }: { from: number; to: number }): string | undefined {
  if (from === 304 || to === 304) return 'a 304 is part of a conditional request and cannot be mapped';
  if (from === 206 || to === 206) return 'a 206 is part of a range request and cannot be mapped';
  return BODILESS.has(to) && !BODILESS.has(from) ? 'an answer with a body cannot become one without' : undefined;
}

function responseFaults(response: ResponseTransform, parameters: Parameters): ErrorDetail[] {
  return [
    ...fieldFaults(response.headers, 'response.headers', parameters, faultOfResponseField, faultOfRenamedTo),
    ...expressionFaults(response.body?.expression, 'response.body.expression'),
    ...response.status.flatMap((entry, index) => at(`response.status.${index}.to`, statusFault(entry))),
    ...response.mask.flatMap((pointer, index) =>
      at(`response.mask.${index}`, readPointer(pointer) ? undefined : 'must be a JSON pointer, such as /items/*/email'),
    ),
  ];
}

function credentialFaults({ passOn, inject }: Policy['credentials']): ErrorDetail[] {
  return [
    ...passOn.flatMap((name, index) => {
      const known = CREDENTIAL_FIELDS.includes(name.toLowerCase());
      return at(`credentials.pass_on.${index}`, known ? undefined : `must be one of ${CREDENTIAL_FIELDS.join(', ')}`);
    }),
    ...inject.flatMap(({ in: place, name, template }, index) => {
      const fault = place === 'header' ? faultOfInjected(name) : faultOfParameter(name);
      return [
        ...at(`credentials.inject.${index}.name`, fault),
        ...at(`credentials.inject.${index}.template`, faultOfCredentialTemplate(template)),
      ];
    }),
  ];
}

/** A credential may be any field that a transformation may set, and those that are credentials by name. */
const faultOfInjected = (name: string) =>
  CREDENTIAL_FIELDS.includes(name.toLowerCase()) && isFieldName(name) ? undefined : faultOfRequestField(name);

/**
 * What is wrong with the transformations, templates and credentials of a policy, by paths inside it in the names of the
 * wire (`request.headers.0.value`). What has no fault here compiles (`compileRequestTransform` and so on).
 * @param parameters of the endpoint's path; nothing where the policy is no endpoint's
 */
export function checkTransform(policy: Partial<Policy>, parameters: Parameters): readonly ErrorDetail[] {
  const { request, response, credentials } = policy;
  return [
    ...(request ? requestFaults(request, parameters) : []),
    ...(response ? responseFaults(response, parameters) : []),
    ...(credentials ? credentialFaults(credentials) : []),
  ];
}
