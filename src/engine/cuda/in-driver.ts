/**
 * @file Driver calls that may take long: the first of all, which starts the driver, and those that wait for all that runs on a GPU, of other groups
 * in this process too.
 */
import { type Group, SITE } from '../../group/group.ts';

/** Tells the watchdog, so that the driver's time is not taken for the rank's silence. `call` must not call the group. */
export function inDriver<T>(group: Group, call: () => T): T {
  group.enter(SITE.gpu);
  try {
    return call();
  } finally {
    group.leave();
  }
}
