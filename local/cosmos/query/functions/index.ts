/**
 * The system functions by name. As in the service, an argument of the wrong type gives undefined, and a wrong number of
 * arguments is refused.
 * https://learn.microsoft.com/cosmos-db/query/functions
 */
import { badRequest, notSupported } from '../../errors.ts';
import { itemNumber } from '../../rid.ts';
import { DATES } from './dates.ts';
import { LISTS } from './lists.ts';
import { MATH } from './math.ts';
import { type Fn, isObject, type SystemFunction, takes } from './signature.ts';
import { SPATIAL } from './spatial.ts';
import { TEXT } from './text.ts';

/** 16 bytes. */
const RID = /^[A-Za-z0-9+-]{22}==$/;

/** The number of an item, as its resource id holds it. */
const documentId: Fn = (document) => {
  const rid = isObject(document) ? document['_rid'] : undefined;
  return typeof rid === 'string' && RID.test(rid) ? Number(itemNumber(rid)) : undefined;
};

const FUNCTIONS: ReadonlyMap<string, SystemFunction> = new Map(
  Object.entries({ ...MATH, ...TEXT, ...LISTS, ...DATES, ...SPATIAL, DOCUMENTID: takes(1, documentId) }),
);

/** @param name in capitals @throws CosmosError 400 for an unknown function, or a wrong number of arguments */
export function functionNamed(name: string, given: number): Fn {
  const found = FUNCTIONS.get(name);
  if (!found && name.startsWith('udf.')) throw notSupported(`the user-defined function ${name}`);
  if (!found) throw notSupported(`the function ${name}`);
  const { least, most, call } = found;
  if (given >= least && given <= most) return call;
  const wanted =
    most === least ? `${least}` : Number.isFinite(most) ? `${least} to ${most}` : `${least} or more`;
  throw badRequest(`The ${name} function requires ${wanted} argument(s), not ${given}.`);
}
