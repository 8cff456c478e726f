locals {
  # Title to PromQL, in rows of two.
  panels = [
    { title = "Requests a second, by method", query = "sum by (rpc_method) (rate(rpc_server_duration_seconds_count[5m]))" },
    { title = "Errors a second, by code", query = "sum by (rpc_code) (rate(rpc_server_duration_seconds_count{rpc_code!=\"OK\"}[5m]))" },
    { title = "Home read, 99th percentile", query = "histogram_quantile(0.99, sum by (le) (rate(rpc_server_duration_seconds_bucket{rpc_method=~\".*/GetHomeTimeline(Json)?\"}[5m])))" },
    { title = "Fan-out lag, 99th percentile by stage", query = "histogram_quantile(0.99, sum by (le, stage) (rate(fanout_lag_seconds_bucket[5m])))" },
    { title = "Cache hits, share by cache", query = "sum by (cache) (rate(cache_hits_total[5m])) / (sum by (cache) (rate(cache_hits_total[5m])) + sum by (cache) (rate(cache_misses_total[5m])))" },
    { title = "Outbox entries held, by table", query = "sum by (table) (outbox_held)" },
    { title = "Messages waiting, by subscription", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages)" },
    { title = "Bigtable CPU, by cluster", query = "max by (cluster) (bigtable_googleapis_com:cluster_cpu_load)" },
  ]
}

resource "google_monitoring_dashboard" "aviary" {
  project = var.project_id
  dashboard_json = jsonencode({
    displayName = "Aviary"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, panel in local.panels : {
          xPos   = index % 2 * 6
          yPos   = floor(index / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = panel.title
            xyChart = {
              dataSets = [{
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = panel.query }
              }]
            }
          }
        }
      ]
    }
  })

}
