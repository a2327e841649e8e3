/* What a game does first when it starts: delivers what an earlier run was given and did not
 * store, because it crashed, the power went out, or the player was faster.
 *
 *   resume GOODS
 *
 * GOODS is the file that keeps what was bought, won and given. Orders, draws and gifts are told
 * after every ONLINE until they are acknowledged, so one rule serves all three: store what the
 * id stands for, once, and acknowledge the id with its sequence. Then it lists what is still
 * open. Uses the daemon. Exit: 0 nothing is left to deliver, 2 trouble. */
#include <stdio.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

struct game {
  alitv_client *client;
  const char *goods_path;
  int acks; /* acknowledgements on their way */
  int listed;
  int broken;
};

static void refused(struct game *game, const char *text) {
  fprintf(stderr, "resume: %s\n", text);
  game->broken = 1;
}

/* The goods that a final state stands for; NULL if there are none. */
static const char *goods_of(const alitv_event *event) {
  switch (event->state) {
    case ALITV_STATE_PAID: return event->title;
    case ALITV_STATE_WON: return event->draw->award->name;
    case ALITV_STATE_GRANTED: return event->gift->cp_item_id;
    default: return NULL;
  }
}

static void settle(struct game *game, const alitv_event *event) {
  const char *goods = goods_of(event);
  if (!alitv_state_is_final(event->state) || (event->flags & ALITV_FLAG_ACKED)) return;
  if (goods && !goods_store(game->goods_path, event->order_id, goods)) {
    refused(game, "the goods could not be stored; they come again");
    return;
  }
  printf("%s %s%s%s\n", event->state_name, event->order_id, goods ? ": " : "",
         goods ? goods : "");
  if (alitv_ack(game->client, event->order_id, event->sequence, 0, NULL) == ALITV_OK)
    game->acks++;
  else
    refused(game, alitv_last_error());
}

static void list(struct game *game, const alitv_event *event) {
  uint32_t i;
  for (i = 0; i < event->count; i++)
    printf("open: %s %s, %ld fen for %s\n", event->orders[i]->order_id,
           event->orders[i]->state_name, (long)event->orders[i]->amount_fen,
           event->orders[i]->title);
  game->listed = 1;
}

static void handle(struct game *game, const alitv_event *event) {
  switch (event->kind) {
    case ALITV_EVENT_ONLINE:
      if (alitv_orders(game->client, ALITV_ORDERS_OPEN, 0, 0, NULL) != ALITV_OK)
        refused(game, alitv_last_error());
      break;
    case ALITV_EVENT_ORDER:
    case ALITV_EVENT_DRAW:
    case ALITV_EVENT_GIFT: settle(game, event); break;
    case ALITV_EVENT_ORDERS: list(game, event); break;
    case ALITV_EVENT_REPLY:
      game->acks--;
      if (event->result != ALITV_OK) refused(game, event->message);
      break;
    case ALITV_EVENT_OFFLINE:
      fprintf(stderr, "resume: waiting for the daemon: %s\n", event->message);
      break;
    default: break;
  }
}

int main(int argc, char **argv) {
  struct game game = {0};
  const alitv_event *event;
  alitv_options options;
  int32_t got = 1;
  if (argc != 2) {
    fprintf(stderr, "usage: resume GOODS\n");
    return 2;
  }
  game.goods_path = argv[1];
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &game.client) != ALITV_OK) refused(&game, alitv_last_error());
  /* What was not acknowledged comes right behind ONLINE, before the answer to alitv_orders. */
  while (!game.broken && (got > 0 || !game.listed || game.acks > 0)) {
    got = alitv_next_event(game.client, game.listed ? 200 : 1000, &event);
    if (got < 0) refused(&game, alitv_last_error());
    if (got > 0) handle(&game, event);
  }
  alitv_destroy(game.client);
  return game.broken ? 2 : 0;
}
