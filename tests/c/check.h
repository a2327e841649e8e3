/* What the C tests share. Included first: it asks for POSIX. */
#ifndef CHECK_H
#define CHECK_H

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include "alitv_pay.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,       \
              alitv_last_error());                                              \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

#define EXPECT(call, code)                                                      \
  do {                                                                          \
    alitv_result got = (alitv_result)(call);                                    \
    if (got != (code)) {                                                        \
      fprintf(stderr, "%s:%d: %s is %s (%s), expected %s\n", __FILE__, __LINE__, \
              #call, alitv_result_name(got), alitv_last_error(), #code);        \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

/* Generous: nothing here may depend on the speed of the machine. */
#define LONG_MS 30000

static inline alitv_client *open_client(void) {
  alitv_options options;
  alitv_client *client = NULL;
  ALITV_STRUCT_INIT(&options);
  EXPECT(alitv_init(&options, &client), ALITV_OK);
  CHECK(client != NULL);
  return client;
}

static inline alitv_pay_params gems(const char *order_id) {
  alitv_pay_params params;
  ALITV_STRUCT_INIT(&params);
  params.order_id = order_id;
  params.title = "60 gems";
  params.amount_fen = 600;
  return params;
}

/* The next event of this kind; others are passed over. */
static inline const alitv_event *await_kind(alitv_client *client, alitv_event_kind kind) {
  const alitv_event *event = NULL;
  for (;;) {
    CHECK(alitv_next_event(client, LONG_MS, &event) == 1);
    if (event->kind == kind) return event;
  }
}

#endif
