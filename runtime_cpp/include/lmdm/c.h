#ifndef LMDM_C_H
#define LMDM_C_H

/*
 * The C ABI of lmdm: what lmdm/generator.h and lmdm/live_processor.h say holds here too.
 *
 * Every function that can fail returns an lmdm_status, and none lets an exception out. Those that take `error` write one sentence there,
 * cut at `error_size` bytes and always ended by 0; it is empty on success, and a null `error` is allowed. Null handles, null pointers and
 * short buffers are errors (LMDM_ERROR_ARGUMENT) and leave everything as it was.
 *
 * A parameter struct begins with its size: `lmdm_generator_options options = {0}; options.struct_size = sizeof options;`. Zero is the
 * default of every field. Programs that were compiled with an older header go on working; a newer one is refused only where it sets what
 * the library does not know. A null pointer in place of a struct means all defaults.
 *
 * Text is UTF-8 and ends with 0. Audio is planar float32, channel after channel: `samples` counts those of one channel.
 *
 * Threads: a handle belongs to one thread at a time, except where a function says otherwise.
 */

#include <stddef.h>
#include <stdint.h>

#include "lmdm/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t lmdm_status;
enum {
  LMDM_OK = 0,
  LMDM_ERROR_BUNDLE = 1,      /* a bundle that is missing, damaged, of another format, or hostile */
  LMDM_ERROR_SESSION = 2,     /* a request that this instrument cannot serve */
  LMDM_ERROR_RUNTIME = 3,     /* a graph failed, or a block is not finite */
  LMDM_ERROR_ENVIRONMENT = 4, /* the machine lacks something, such as ONNX Runtime */
  LMDM_ERROR_CANCELLED = 5,   /* lmdm_generator_cancel was called */
  LMDM_ERROR_ARGUMENT = 6,    /* a null handle or pointer, a short buffer, a struct without its size */
  LMDM_ERROR_MEMORY = 7,      /* no memory */
  LMDM_ERROR_INTERNAL = 8     /* a fault of the library */
};

typedef struct lmdm_bundle lmdm_bundle;
typedef struct lmdm_generator lmdm_generator;
typedef struct lmdm_processor lmdm_processor;

/* As in "0.1.0". Never null. */
LMDM_EXPORT const char* lmdm_version(void);
/* Rises when programs must be compiled again. */
#define LMDM_ABI_VERSION 1
LMDM_EXPORT int32_t lmdm_abi_version(void);

/* -- Bundle: a checked folder. Any thread. ----------------------------------------------------------------------------------------- */

LMDM_EXPORT lmdm_status lmdm_bundle_load(const char* folder, lmdm_bundle** bundle, char* error, size_t error_size);
/* Generators keep what they need of it. Null is allowed. */
LMDM_EXPORT void lmdm_bundle_free(lmdm_bundle* bundle);
/* The manifest as it was read: JSON, valid until the bundle is freed. `length` may be null. */
LMDM_EXPORT lmdm_status lmdm_bundle_manifest(const lmdm_bundle* bundle, const char** json, size_t* length, char* error, size_t error_size);

/* -- Generator: blocks on demand, for offline work. Every call may allocate, lock and take long: never on an audio thread. ------------ */

enum { LMDM_PROVIDER_CPU = 0, LMDM_PROVIDER_CUDA = 1, LMDM_PROVIDER_TENSORRT = 2 };

typedef struct lmdm_generator_options {
  size_t struct_size;
  uint64_t seed;         /* key of all noise */
  const char* solver;    /* null: the bundle's */
  double guidance_scale; /* where has_guidance_scale is not 0; else the bundle's */
  int32_t has_guidance_scale;
  int32_t steps;           /* solver steps a block; 0: the bundle's schedule */
  const char* onnxruntime; /* path of the shared library; null: searched for */
  int32_t provider;
  int32_t threads; /* for the operators of one graph; 0: what `lmdm threads` chose for this machine, else the physical cores */
  int32_t small;   /* not 0: prepack nothing; slower, less memory */
  int32_t device;  /* of CUDA and TensorRT */
} lmdm_generator_options;

/* What may change between two blocks: fields whose has_ is not 0. */
typedef struct lmdm_tuning {
  size_t struct_size;
  uint64_t seed;
  double guidance_scale; /* of CFG, or the lambda of CFG++ */
  double feedback;       /* 0 to 1: gain with which a block enters the context of those after it; 1: as the paper has it */
  int32_t steps;         /* solver steps a block; 0: the bundle's schedule */
  int32_t context_drop;  /* oldest frames of context that a change of the dominant prompt forgets */
  int32_t hold_noise;    /* not 0: the next blocks get the noise of the newest block */
  int32_t has_seed, has_guidance_scale, has_feedback, has_steps, has_context_drop, has_hold_noise;
  int32_t reserved;
} lmdm_tuning;

typedef struct lmdm_generator_info {
  size_t struct_size;
  int32_t sample_rate;
  int32_t channels;
  size_t block_samples; /* of one channel in one block */
  size_t delay_samples; /* by which the codec's look-ahead delays the audio */
  int32_t latent_channels;
  int32_t block_frames;
  int32_t context_frames;
  int32_t text_tokens;
  int32_t text_width;
  int32_t reserved;
  uint64_t block_index; /* of the block that comes next */
} lmdm_generator_info;

/* Milliseconds of each stage of the last block. */
typedef struct lmdm_timings {
  size_t struct_size;
  double controls, prompt, context, steps, decode;
} lmdm_timings;

LMDM_EXPORT lmdm_status lmdm_generator_create(const lmdm_bundle* bundle, const lmdm_generator_options* options, lmdm_generator** generator,
                                              char* error, size_t error_size);
/* Null is allowed. No call may be under way. */
LMDM_EXPORT void lmdm_generator_free(lmdm_generator* generator);
LMDM_EXPORT lmdm_status lmdm_generator_get_info(const lmdm_generator* generator, lmdm_generator_info* info, char* error, size_t error_size);

/* The piece begins again; what was set, chosen or tuned stays. */
LMDM_EXPORT lmdm_status lmdm_generator_reset(lmdm_generator* generator, char* error, size_t error_size);
/* From the next block on. Where a value is refused (LMDM_ERROR_SESSION) nothing has changed. */
LMDM_EXPORT lmdm_status lmdm_generator_tune(lmdm_generator* generator, const lmdm_tuning* tuning, char* error, size_t error_size);

/* From the next block on. */
LMDM_EXPORT lmdm_status lmdm_generator_set_prompt(lmdm_generator* generator, const char* prompt, char* error, size_t error_size);
/* `count` prompts and as many weights, which are scaled to sum 1. */
LMDM_EXPORT lmdm_status lmdm_generator_set_prompts(lmdm_generator* generator, const char* const* prompts, const double* weights,
                                                   size_t count, char* error, size_t error_size);
/* The text embedding [text_tokens, text_width], `count` values, that `prompt` stands for. */
LMDM_EXPORT lmdm_status lmdm_generator_set_embedding(lmdm_generator* generator, const char* prompt, const float* values, size_t count,
                                                     char* error, size_t error_size);
/* What was not read of the newest prompt, as a sentence, where it was too long; else nothing. */
LMDM_EXPORT lmdm_status lmdm_generator_notice(const lmdm_generator* generator, char* text, size_t text_size, char* error,
                                              size_t error_size);

/* A local control from the next block on: `count` values [channels of the group, frames] row by row; the last frame is held. */
LMDM_EXPORT lmdm_status lmdm_generator_set_control(lmdm_generator* generator, const char* group, const float* values, size_t count,
                                                   size_t frames, char* error, size_t error_size);
/* Which sketch controls the next blocks follow; none (count 0) lets go of the sketch. `smoothing`: frames of the median, 0: the default. */
LMDM_EXPORT lmdm_status lmdm_generator_choose_sketch(lmdm_generator* generator, const char* const* kinds, size_t count, int32_t smoothing,
                                                     char* error, size_t error_size);
/* Scales a sketch control from the next block on, presence and all, between absent (0) and as heard (1). */
LMDM_EXPORT lmdm_status lmdm_generator_set_strength(lmdm_generator* generator, const char* kind, double strength, char* error,
                                                    size_t error_size);
/* Audio to follow [channels, samples], behind what was fed before. */
LMDM_EXPORT lmdm_status lmdm_generator_feed_sketch(lmdm_generator* generator, const float* audio, size_t samples, char* error,
                                                   size_t error_size);
/* Audio to play along with [channels, samples]; its first sample sounds with the first sample of the next block. */
LMDM_EXPORT lmdm_status lmdm_generator_feed_accompaniment(lmdm_generator* generator, const float* audio, size_t samples, char* error,
                                                          size_t error_size);
/* Latent frames [latent_channels, frames] in place of audio. */
LMDM_EXPORT lmdm_status lmdm_generator_feed_accompaniment_frames(lmdm_generator* generator, const float* values, size_t frames, char* error,
                                                                 size_t error_size);
LMDM_EXPORT lmdm_status lmdm_generator_stop_accompaniment(lmdm_generator* generator, char* error, size_t error_size);

/*
 * Makes audio [channels, samples] the context that the next block continues. What the decoder makes of its last block is written to
 * `heard` as [channels, *heard_samples], which is never more than one block; `heard` may be null, else it has room for `heard_count`
 * values, at least channels * block_samples. `heard_samples` may be null.
 */
LMDM_EXPORT lmdm_status lmdm_generator_prime(lmdm_generator* generator, const float* audio, size_t samples, float* heard,
                                             size_t heard_count, size_t* heard_samples, char* error, size_t error_size);
/* Makes the next block [channels, block_samples]; `count` values of room. */
LMDM_EXPORT lmdm_status lmdm_generator_next_block(lmdm_generator* generator, float* audio, size_t count, char* error, size_t error_size);
/* Makes the next clean block [latent_channels, block_frames] without decoding it. */
LMDM_EXPORT lmdm_status lmdm_generator_next_latents(lmdm_generator* generator, float* latents, size_t count, char* error,
                                                    size_t error_size);
/* The last clean block [latent_channels, block_frames]; `written`, which may be null, is 0 before the first block. */
LMDM_EXPORT lmdm_status lmdm_generator_latent_block(const lmdm_generator* generator, float* latents, size_t count, size_t* written,
                                                    char* error, size_t error_size);
/* What the newest block followed of a control group [channels of the group, block_frames]; `count` values of room, and `written`, which may
 * be null, is 0 before the first block. */
LMDM_EXPORT lmdm_status lmdm_generator_control(const lmdm_generator* generator, const char* group, float* values, size_t count,
                                               size_t* written, char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_generator_get_timings(const lmdm_generator* generator, lmdm_timings* timings, char* error, size_t error_size);

/* Any thread. Ends the call that is under way, and every later one, with LMDM_ERROR_CANCELLED, until lmdm_generator_resume. */
LMDM_EXPORT lmdm_status lmdm_generator_cancel(lmdm_generator* generator);
LMDM_EXPORT lmdm_status lmdm_generator_resume(lmdm_generator* generator);

/* -- Processor: a generator inside an audio host, with an inference thread of its own. -------------------------------------------------
 * [audio]: the audio thread; never allocates, locks, waits or enters the kernel. [control]: any one other thread at a time. */

/* Both: the input is the sketch's, and the side input of lmdm_processor_process_side is the accompaniment. */
enum { LMDM_INPUT_NONE = 0, LMDM_INPUT_SKETCH = 1, LMDM_INPUT_ACCOMPANIMENT = 2, LMDM_INPUT_BOTH = 3 };
enum { LMDM_UNDERRUN_SILENCE = 0, LMDM_UNDERRUN_DRY = 1 };

typedef struct lmdm_processor_options {
  size_t struct_size;
  int32_t input;             /* what the host's input is to the music */
  int32_t underrun;          /* what is heard while a block is late */
  double margin_seconds;     /* time to make a block in; 0: measured by lmdm_processor_prepare */
  int32_t offline;           /* not 0: lmdm_processor_process waits for the music */
  int32_t realtime_priority; /* asked for on the inference thread; 0: none */
} lmdm_processor_options;

typedef struct lmdm_metrics {
  size_t struct_size;
  uint64_t blocks, underruns, underrun_samples, dropped_blocks;
  double block_ms, worst_block_ms;
  double block_seconds, buffered_seconds;
  int32_t priority;                                               /* that the inference thread got; 0: none */
  int32_t failed;                                                 /* not 0: lmdm_processor_failure says why */
  double controls_ms, prompt_ms, context_ms, steps_ms, decode_ms; /* of the newest block */
} lmdm_metrics;

/* [control] Takes the generator over: *generator becomes null and must not be used any more. Where the bundle has no control for the
 * input (LMDM_ERROR_SESSION) the generator is freed too; where an argument is wrong, nothing is taken. */
LMDM_EXPORT lmdm_status lmdm_processor_create(lmdm_generator** generator, const lmdm_processor_options* options, lmdm_processor** processor,
                                              char* error, size_t error_size);
/* [control] Null is allowed. */
LMDM_EXPORT void lmdm_processor_free(lmdm_processor* processor);
/* [control] Before the first lmdm_processor_process, and whenever rate, channels or largest block change. */
LMDM_EXPORT lmdm_status lmdm_processor_prepare(lmdm_processor* processor, double host_rate, int32_t host_channels, int32_t largest_block,
                                               char* error, size_t error_size);
/* [audio] `channels` pointers to `frames` samples each; `input` may be null, and may be the memory of `output`. */
LMDM_EXPORT lmdm_status lmdm_processor_process(lmdm_processor* processor, const float* const* input, float* const* output, int32_t channels,
                                               int32_t frames);
/* [audio] The same with a side input of as many channels, null for silence, which only LMDM_INPUT_BOTH hears. */
LMDM_EXPORT lmdm_status lmdm_processor_process_side(lmdm_processor* processor, const float* const* input, const float* const* side,
                                                    float* const* output, int32_t channels, int32_t frames);
/* [audio] or [control] */
LMDM_EXPORT lmdm_status lmdm_processor_latency_samples(const lmdm_processor* processor, int64_t* samples);
LMDM_EXPORT lmdm_status lmdm_processor_get_metrics(const lmdm_processor* processor, lmdm_metrics* metrics);
LMDM_EXPORT lmdm_status lmdm_processor_set_playing(lmdm_processor* processor, int32_t playing);
/* Not 0: the model hears the input of the newest block again and again from the next block on, with the same noise. */
LMDM_EXPORT lmdm_status lmdm_processor_set_frozen(lmdm_processor* processor, int32_t frozen);

/* [control] From the next block on; as those of the generator. */
LMDM_EXPORT lmdm_status lmdm_processor_set_prompt(lmdm_processor* processor, const char* prompt, char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_processor_set_prompts(lmdm_processor* processor, const char* const* prompts, const double* weights,
                                                   size_t count, char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_processor_set_control(lmdm_processor* processor, const char* group, const float* values, size_t count,
                                                   size_t frames, char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_processor_choose_sketch(lmdm_processor* processor, const char* const* kinds, size_t count, int32_t smoothing,
                                                     char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_processor_tune(lmdm_processor* processor, const lmdm_tuning* tuning, char* error, size_t error_size);
LMDM_EXPORT lmdm_status lmdm_processor_set_strength(lmdm_processor* processor, const char* kind, double strength, char* error,
                                                    size_t error_size);
/* [control] The piece begins again with the next block; counters go to 0. */
LMDM_EXPORT lmdm_status lmdm_processor_reset(lmdm_processor* processor, char* error, size_t error_size);
/* [control] Why the inference thread stopped, or a late refusal; nothing where all is well. */
LMDM_EXPORT lmdm_status lmdm_processor_failure(const lmdm_processor* processor, char* text, size_t text_size, char* error,
                                               size_t error_size);

#ifdef __cplusplus
}
#endif

#endif
