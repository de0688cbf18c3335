import type { ErrorDetail } from '../../kernel/errors.ts';
import { asText, inJsonString, inLine, inMarkup, inUrl } from '../../kernel/escape.ts';
import { type Budget, render, type Template, type TemplateValues } from '../../kernel/template.ts';
import { faultsOfJson, isJsonTemplate, type Json, renderJson, renderJsonText } from './json-template.ts';
import { knownTemplate, parseTemplate } from './template.ts';

export interface RenderedBody {
  text: string;
  /** What the body is, for a request whose action names no content type. */
  contentType: string;
}

type Syntax = 'json' | 'jsonStrings' | 'form' | 'markup' | 'text' | 'lines';

/**
 * The languages that values are escaped for, by media type. Of those that are not one JSON document but have strings
 * like JSON's (JSON Lines, GraphQL) a place belongs between quotes. In any other but plain text a value ends no line,
 * which is where a record or a key would begin; more than that needs a body given as JSON.
 * https://mimesniff.spec.whatwg.org/#json-mime-type
 */
function declaredSyntax(contentType: string): Syntax {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (/^(application|text)\/json$|\+json$/.test(type)) return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (/^text\/html$|^(application|text)\/xml$|\+xml$/.test(type)) return 'markup';
  if (/json|graphql/.test(type)) return 'jsonStrings';
  return type === 'text/plain' ? 'text' : 'lines';
}

const startsWith = (template: Template, pattern: RegExp) =>
  typeof template[0] === 'string' && pattern.test(template[0]);

/**
 * What a text body is written in: what its content type says. Without one, a body that starts as a JSON object is JSON,
 * one that starts as a list is if it can be read as one (`[alert] …` is text), and any other is text.
 */
function syntaxOf(template: Template, contentType: string | undefined): Syntax {
  if (contentType !== undefined) return declaredSyntax(contentType);
  if (startsWith(template, /^\s*\{/)) return 'json';
  return startsWith(template, /^\s*\[/) && isJsonTemplate(template) ? 'json' : 'text';
}

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** What is wrong with the body of a REST action, given the content type that its headers name. */
export function faultsOfBody(body: string | Json, contentType: string | undefined): ErrorDetail[] {
  if (typeof body !== 'string') return faultsOfJson(body, 'body');
  const parsed = parseTemplate(body);
  if (!parsed.ok) return [{ path: 'body', message: parsed.fault }];
  if (syntaxOf(parsed.template, contentType) !== 'json' || isJsonTemplate(parsed.template)) return [];
  return [
    {
      path: 'body',
      message: 'must be JSON once its templates are filled in; another syntax needs a content-type header',
    },
  ];
}

/** The body with an event's values in it, escaped for what it is written in. */
export function renderBody(
  body: string | Json,
  contentType: string | undefined,
  values: TemplateValues,
  budget: Budget,
): RenderedBody {
  if (typeof body !== 'string')
    return { text: JSON.stringify(renderJson(body, values, budget)), contentType: JSON_TYPE };
  const template = knownTemplate(body);
  const syntax = syntaxOf(template, contentType);
  const text = renderText(template, syntax, values, budget);
  return { text, contentType: contentType ?? (syntax === 'json' ? JSON_TYPE : TEXT_TYPE) };
}

const ESCAPES = { jsonStrings: inJsonString, form: inUrl, markup: inMarkup, text: asText, lines: inLine } as const;

function renderText(template: Template, syntax: Syntax, values: TemplateValues, budget: Budget): string {
  if (syntax === 'json') return renderJsonText(template, values, budget);
  return render(template, values, ESCAPES[syntax], budget);
}
