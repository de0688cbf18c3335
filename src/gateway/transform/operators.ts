import type { Json } from './json.ts';
import { doubleOf, type Evaluate, finite, isEqual, isTrue, MappingFault } from './machine.ts';

export const or =
  (left: Evaluate, right: Evaluate): Evaluate =>
  (value, machine) => {
    const first = left(value, machine);
    return isTrue(first) ? first : right(value, machine);
  };

export const and =
  (left: Evaluate, right: Evaluate): Evaluate =>
  (value, machine) => {
    const first = left(value, machine);
    return isTrue(first) ? right(value, machine) : first;
  };

export const not =
  (operand: Evaluate): Evaluate =>
  (value, machine) =>
    !isTrue(operand(value, machine));

export const choice =
  (condition: Evaluate, then: Evaluate, otherwise: Evaluate): Evaluate =>
  (value, machine) =>
    (isTrue(condition(value, machine)) ? then : otherwise)(value, machine);

const ORDER: Readonly<Record<'GT' | 'GTE' | 'LT' | 'LTE', (a: number, b: number) => boolean>> = {
  GT: (a, b) => a > b,
  GTE: (a, b) => a >= b,
  LT: (a, b) => a < b,
  LTE: (a, b) => a <= b,
};

/** Anything may be equal to anything; only numbers are ordered, and other values are neither above nor below: null. */
export function comparison(name: keyof typeof ORDER | 'EQ' | 'NE', left: Evaluate, right: Evaluate): Evaluate {
  if (name === 'EQ' || name === 'NE') {
    return (value, machine) => isEqual(left(value, machine), right(value, machine), machine) === (name === 'EQ');
  }
  return (value, machine) => {
    const a = doubleOf(left(value, machine));
    const b = doubleOf(right(value, machine));
    return a === undefined || b === undefined ? null : ORDER[name](a, b);
  };
}

function numberFrom(value: Json): number {
  const number = doubleOf(value);
  if (number === undefined) throw new MappingFault('arithmetic is done with numbers only');
  return number;
}

function calculate(operator: string, a: number, b: number): number {
  switch (operator) {
    case 'Plus':
      return a + b;
    case 'Minus':
      return a - b;
    case 'Divide':
      return a / b;
    case 'Modulo':
      return a % b;
    case 'Div':
      return Math.floor(a / b);
    default:
      return a * b;
  }
}

/** Division by zero, and what is beyond a double, is a fault. */
export const arithmetic =
  (operator: string, left: Evaluate, right: Evaluate): Evaluate =>
  (value, machine) =>
    finite(calculate(operator, numberFrom(left(value, machine)), numberFrom(right(value, machine))));

export const signed = (operator: string, operand: Evaluate): Evaluate =>
  operator === 'Minus'
    ? (value, machine) => -numberFrom(operand(value, machine))
    : (value, machine) => numberFrom(operand(value, machine));
