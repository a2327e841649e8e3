/* A program with a poll loop of its own: the client is one more descriptor in it.
 *
 *   poll_loop ORDER_ID AMOUNT_FEN [GOODS]
 *
 * Uses the daemon. Type "c" and Return to cancel. Exit: 0 paid, 1 not paid, 2 trouble. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

static const char *goods_path;

/* Events without callbacks: take them one by one, and acknowledge what was stored.
 * Returns 1 when the order is over, -1 on trouble. */
static int handle(alitv_client *client, const alitv_event *event, const char *order_id,
                  int *bought) {
  if (event->kind == ALITV_EVENT_REPLY && event->result != ALITV_OK) {
    fprintf(stderr, "%s: %s\n", alitv_result_name(event->result), event->message);
    return -1;
  }
  if (event->kind == ALITV_EVENT_QR) {
    printf("qr %s %s\n", event->order_id, event->qr_text);
  } else if (event->kind == ALITV_EVENT_ORDER) {
    int mine = strcmp(event->order_id, order_id) == 0;
    if (!alitv_state_is_final(event->state)) return 0;
    if (event->state == ALITV_STATE_PAID && goods_path &&
        !goods_store(goods_path, event->order_id, event->title))
      return 0; /* it comes again */
    printf("%s %s\n", event->state_name, event->order_id);
    if (mine) *bought = event->state == ALITV_STATE_PAID;
    if (alitv_ack(client, event->order_id, event->sequence, 0, NULL) != ALITV_OK) return -1;
    fflush(stdout);
    return mine;
  }
  fflush(stdout);
  return 0;
}

static int drain(alitv_client *client, const char *order_id, int *bought) {
  const alitv_event *event;
  int32_t got, over = 0;
  while (!over && (got = alitv_next_event(client, 0, &event)) != 0) {
    if (got < 0) return -1;
    over = handle(client, event, order_id, bought);
  }
  return over;
}

static int loop(alitv_client *client, const char *order_id) {
  struct pollfd watched[2];
  int over = 0, bought = 0;
  char line[16];
  watched[0].fd = alitv_fd(client);
  watched[0].events = POLLIN;
  watched[1].fd = 0;
  watched[1].events = POLLIN;
  while (!over) {
    if (poll(watched, 2, -1) < 0) return 2;
    if (watched[0].revents) over = drain(client, order_id, &bought);
    if (watched[1].revents) {
      if (!fgets(line, sizeof line, stdin)) {
        watched[1].fd = -1; /* nobody types any more */
      } else if (line[0] == 'c' && alitv_cancel(client, order_id, 0, NULL) != ALITV_OK) {
        fprintf(stderr, "cancel: %s\n", alitv_last_error());
      }
    }
  }
  return over < 0 ? 2 : !bought;
}

int main(int argc, char **argv) {
  alitv_options options;
  alitv_pay_params params;
  alitv_client *client = NULL;
  int status = 2;

  if (argc < 3) {
    fprintf(stderr, "usage: poll_loop ORDER_ID AMOUNT_FEN [GOODS]\n");
    return 2;
  }
  goods_path = argc > 3 ? argv[3] : NULL;
  ALITV_STRUCT_INIT(&options);
  ALITV_STRUCT_INIT(&params);
  params.order_id = argv[1];
  params.title = "60 gems";
  params.amount_fen = strtol(argv[2], NULL, 10);
  if (alitv_init(&options, &client) == ALITV_OK &&
      alitv_pay(client, &params, 0, NULL) == ALITV_OK) {
    status = loop(client, argv[1]);
  } else {
    fprintf(stderr, "poll_loop: %s\n", alitv_last_error());
  }
  alitv_destroy(client);
  return status;
}
