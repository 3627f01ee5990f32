#ifndef LMDM_TESTS_C_SESSION_H
#define LMDM_TESTS_C_SESSION_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the sessions play; session_test.cpp plays the same through the C++ API. */
enum {
  SESSION_SEED = 7,
  SESSION_STEPS = 3,
  SESSION_BLOCKS = 5,
  SESSION_PRIMED = 41,
  SESSION_CALLS = 60,
  SESSION_CHANNELS = 2,
  SESSION_FROZEN = 30
};
enum { SESSION_RATE = 8000, SESSION_LARGEST_CALL = 64 };

/* A sound to sketch, and to go on from. */
float session_sound(size_t sample);
/* Frames of one call of the audio thread. */
int session_call_frames(int call);

/* Blocks of one channel one after the other, then what `prime` heard, then one block of latents. Returns the values written, or 0
 * after printing why. */
size_t play_generator(const char* folder, float* values, size_t room);
/* What a host of two channels hears, interleaved. */
size_t play_live(const char* folder, float* values, size_t room);

#ifdef __cplusplus
}
#endif

#endif
