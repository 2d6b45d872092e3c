// The engine that every machine has: four floats to a vector (SSE2, NEON, WebAssembly's), or one where there are none.
#ifndef WIDTH
#define WIDTH 4
#endif
#define OSCINE_ENGINE oscine_engine_portable
#define OSCINE_TEXT "portable"
// Numbers that are no vectors have more registers: 32 on a Cortex-M7.
#define BLOCKS (WIDTH == 1 ? 4 : 2)
#include "engine.h"
