import { describe, expect, it } from 'vitest';
import { type OrganizationObject, organizationObject } from '../../src/quota/organization.ts';
import { snapshotOf } from '../support/quota.ts';

const fail = (traits: object) => Object.assign(new Error('reset'), traits);

/** An object whose first call fails. */
function failingOnce(error: Error) {
  const handles: unknown[] = [];
  const object = organizationObject(() => {
    const handle = {
      publish: async () => {
        if (handles.length === 1) throw error;
        return { version: 7, gateway: 0, settledIn: 0 };
      },
    };
    handles.push(handle);
    return handle as unknown as OrganizationObject; // only `publish` is called
  });
  return { object, calls: () => handles.length };
}

describe('an organization’s object', () => {
  it('is asked once more, by a new handle, when the platform says that this may help.', async () => {
    const { object, calls } = failingOnce(fail({ retryable: true }));
    expect(await object.publish(snapshotOf())).toEqual({ version: 7, gateway: 0, settledIn: 0 });
    expect(calls()).toBe(2);
  });

  it.each([{}, { retryable: true, overloaded: true }])('is not asked again when it fails with %j.', async (traits) => {
    const { object, calls } = failingOnce(fail(traits));
    await expect(object.publish(snapshotOf())).rejects.toThrow('reset');
    expect(calls()).toBe(1);
  });
});
