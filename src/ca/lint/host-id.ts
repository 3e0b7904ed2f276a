import type { LintRule } from './rule.ts';

const HOST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9_[:][A-Za-z0-9._:[\]-]*$/;

export const hostId: LintRule = {
  name: 'host-id',
  source: 'one name, one key, one host: names and keys are held by a host, so a host certificate says whose it is',
  check({ fields, hostId: id }) {
    if (fields.type === 'user') return id === undefined ? [] : ['a certificate for people belongs to no host'];
    if (id === undefined) return ['it does not say which host it is for'];
    return HOST_ID.test(id) && id.length <= 300 ? [] : [`${JSON.stringify(id)} is no host id: write environment/name`];
  },
};
