/* One purchase, from order to goods.
 *
 *   minimal CONFIG GOODS ORDER_ID
 *
 * CONFIG is the configuration file of the engine, which runs inside this process; with "-"
 * the daemon is used instead. GOODS is the file that keeps what was bought. Run it again with
 * the same ORDER_ID after a crash: it takes up where it was and never charges twice.
 *
 * Exit: 0 the goods are stored, 1 there was no payment, 2 it could not start. */
#include <stdio.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

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

/* Called until it returns non-zero, perhaps by a later run: goods first, then the answer. */
static int paid(const char *order_id, const char *title, int64_t amount_fen,
                const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  (void)event;
  (void)amount_fen;
  if (!goods_store(game->goods_path, order_id, title)) return 0;
  printf("paid %s\n", order_id);
  fflush(stdout);
  if (strcmp(order_id, game->order_id) == 0) game->over = game->bought = 1;
  return 1;
}

static void cancelled(const char *title, int64_t amount_fen, const alitv_event *event,
                      void *user_data) {
  struct game *game = user_data;
  (void)title;
  (void)amount_fen;
  printf("%s %s\n", event->state_name, event->order_id);
  if (strcmp(event->order_id, game->order_id) == 0) game->over = 1;
}

static void failed(alitv_result code, const char *title, int64_t amount_fen,
                   const char *text, const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  (void)title;
  (void)amount_fen;
  printf("%s %s: %s\n", alitv_result_name(code), event->order_id, text);
  if (strcmp(event->order_id, game->order_id) == 0) game->over = 1;
}

static alitv_client *start(const char *config, struct game *game) {
  alitv_options options;
  alitv_callbacks callbacks;
  alitv_client *client = NULL;

  ALITV_STRUCT_INIT(&options);
  if (strcmp(config, "-") != 0) {
    options.mode = ALITV_MODE_EMBEDDED;
    options.config_path = config;
  }
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

static alitv_result buy(alitv_client *client, const char *order_id) {
  alitv_pay_params params;
  ALITV_STRUCT_INIT(&params);
  params.order_id = order_id;
  params.title = "60 gems";
  params.amount_fen = 600; /* CNY 6.00 */
  return alitv_pay(client, &params, 0, NULL);
}

int main(int argc, char **argv) {
  struct game game = {0};
  alitv_client *client;

  if (argc != 4) {
    fprintf(stderr, "usage: minimal CONFIG GOODS ORDER_ID\n");
    return 2;
  }
  game.goods_path = argv[2];
  game.order_id = argv[3];
  client = start(argv[1], &game);
  if (!client || buy(client, game.order_id) != ALITV_OK) {
    fprintf(stderr, "minimal: %s\n", alitv_last_error());
    alitv_destroy(client);
    return 2;
  }
  while (!game.over) {
    if (alitv_dispatch(client, 1000) < 0) {
      fprintf(stderr, "minimal: %s\n", alitv_last_error());
      break;
    }
  }
  alitv_destroy(client);
  return game.bought ? 0 : 1;
}
