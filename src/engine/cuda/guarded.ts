/** @file What a constructor has opened when it fails. */

/** What `make` makes. When it fails, `resource` is closed: nobody else will. */
export function guarded<T>(resource: { close(): unknown }, make: () => T): T {
  try {
    return make();
  } catch (error) {
    resource.close();
    throw error;
  }
}
