/** Rule engines and query libraries from npm, each as its documentation shows it, over the same rules and events. */
import { Engine } from 'json-rules-engine';
import { Query } from 'mingo';
import sift from 'sift';
import { runSlice } from '../matching/slice.ts';

const query = (rule) => ({
  type: rule.type,
  ...(rule.about === 'agent' && { agent: rule.agent }),
  ...(rule.about === 'tag' && { tag: rule.tag }),
  ...(rule.about === 'score' && { score: { $gt: rule.above } }),
});

/** A library that tests a document against one query is asked about each. */
const oneByOne = (compile) => ({
  prepare(rules) {
    const queries = rules.map(query);
    return () => {
      const tests = queries.map(compile);
      return {
        match(event) {
          let count = 0;
          for (const test of tests) if (test(event)) count += 1;
          return count;
        },
      };
    };
  },
});

const fact = (name, operator, value) => ({ fact: name, operator, value });

function engineRule(rule) {
  const type = fact('type', 'equal', rule.type);
  const more =
    rule.about === 'score' ? fact('score', 'greaterThan', rule.above) : fact(rule.about, 'equal', rule[rule.about]);
  return { conditions: { all: [type, more] }, event: { type: rule.id } };
}

const jsonRulesEngine = {
  prepare(rules) {
    const prepared = rules.map(engineRule);
    return () => {
      const engine = new Engine(prepared);
      return { match: async (event) => (await engine.run(event)).events.length };
    };
  },
};

await runSlice({
  'json-rules-engine': jsonRulesEngine,
  sift: oneByOne((one) => sift(one)),
  mingo: oneByOne((one) => {
    const compiled = new Query(one);
    return (event) => compiled.test(event);
  }),
});
