// In Embedded Swift of the toolchain's version 6.3, an instance of a class whose initializer throws
// keeps its memory: the runtime function that should give it back runs what the superclasses have
// to do and stops there. It is weak, and here is another one. No class of this package has a
// superclass.
#include <stdlib.h>

void swift_deallocPartialClassInstance(
    void *object, void *metadata, size_t byte_count, size_t alignment_mask
);

void swift_deallocPartialClassInstance(
    void *object, void *metadata, size_t byte_count, size_t alignment_mask
) {
    (void)metadata;
    (void)byte_count;
    (void)alignment_mask;
    free(object);
}
