// What every machine has: four floats to a vector (SSE2, NEON, or whatever the compiler makes of them).
#define OSCINE_NAME oscine_portable
#define OSCINE_TEXT "portable"
#define WIDTH 4
#define BLOCKS 2
#include "variant.h"
