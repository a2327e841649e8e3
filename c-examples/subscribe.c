/* A subscription: its first charge, by month. The later ones are started by the server.
 *
 *   subscribe GOODS ORDER_ID NOTIFY_URL PRICE_FEN...
 *
 * ORDER_ID and NOTIFY_URL are the server's; PRICE_FEN is what each month costs, this one first.
 * GOODS is the file that keeps what was bought. Run it again with the same arguments after a
 * crash: it takes up where it was. Uses the daemon. Exit: 0 paid, 1 not paid, 2 trouble. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

#define MONTHS_MAX 12

struct game {
  const char *goods_path;
  const char *order_id;
  int over;
  int bought;
};

static void show_qr(const char *order_id, const char *qr_text, uint32_t expires_s,
                    const alitv_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  printf("qr %s %s (%u s)\n", order_id, qr_text, (unsigned)expires_s);
  fflush(stdout);
}

static int paid(const char *order_id, const char *title, int64_t amount_fen,
                const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  uint32_t i;
  if (!goods_store(game->goods_path, order_id, title)) return 0;
  printf("paid %s, %ld fen", order_id, (long)amount_fen);
  if (event->interval) printf(" every %s", event->interval_name);
  printf("\n");
  /* What the player won by paying, if operations have set up prizes for the product. */
  for (i = 0; i < event->awards_count; i++) printf("won %s\n", event->awards[i]->name);
  if (strcmp(order_id, game->order_id) == 0) game->over = game->bought = 1;
  return 1;
}

static void not_paid(struct game *game, const alitv_event *event, const char *text) {
  printf("not paid %s: %s\n", event->order_id, text);
  if (strcmp(event->order_id, game->order_id) == 0) game->over = 1;
}

static void cancelled(const char *title, int64_t amount_fen, const alitv_event *event,
                      void *user_data) {
  (void)title;
  (void)amount_fen;
  not_paid(user_data, event, event->state_name);
}

/* Such as gateway_code RENEWAL_ORDER_NOT_ALLOWED: the app may not sell subscriptions. */
static void failed(alitv_result code, const char *title, int64_t amount_fen,
                   const char *text, const alitv_event *event, void *user_data) {
  (void)code;
  (void)title;
  (void)amount_fen;
  not_paid(user_data, event, *event->gateway_code ? event->gateway_code : text);
}

static alitv_result subscribe(alitv_client *client, char **args, int count) {
  alitv_repay_params params;
  int64_t prices_fen[MONTHS_MAX] = {0};
  int i;
  ALITV_STRUCT_INIT(&params);
  params.order_id = args[1];
  params.notify_url = args[2];
  params.title = "VIP for a month";
  params.subject = "VIP";
  params.description = "No adverts, double gems.";
  params.subject_id = "vip_month";
  params.interval = ALITV_INTERVAL_MONTH;
  params.prices_fen = prices_fen;
  params.prices_len = (uint32_t)(count - 3); /* too many are refused before they are read */
  for (i = 0; i < count - 3 && i < MONTHS_MAX; i++)
    prices_fen[i] = strtol(args[i + 3], NULL, 10);
  return alitv_repay(client, &params, 0, NULL);
}

static alitv_client *start(struct game *game) {
  alitv_options options;
  alitv_callbacks callbacks;
  alitv_client *client = NULL;
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &client) != ALITV_OK) return NULL;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_qr = show_qr;
  callbacks.on_pay_success = paid;
  callbacks.on_pay_cancel = cancelled;
  callbacks.on_pay_error = failed;
  if (alitv_set_callbacks(client, &callbacks, game) == ALITV_OK) return client;
  alitv_destroy(client);
  return NULL;
}

int main(int argc, char **argv) {
  struct game game = {0};
  alitv_client *client;
  if (argc < 5) {
    fprintf(stderr, "usage: subscribe GOODS ORDER_ID NOTIFY_URL PRICE_FEN...\n");
    return 2;
  }
  game.goods_path = argv[1];
  game.order_id = argv[2];
  client = start(&game);
  if (!client || subscribe(client, argv + 1, argc - 1) != ALITV_OK) {
    fprintf(stderr, "subscribe: %s\n", alitv_last_error());
    alitv_destroy(client);
    return 2;
  }
  while (!game.over && alitv_dispatch(client, 1000) >= 0) continue;
  alitv_destroy(client);
  return game.bought ? 0 : 1;
}
