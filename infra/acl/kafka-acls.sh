#!/bin/sh -e
# Arguments are put into each line: --bootstrap-server HOST:PORT --command-config FILE
kafka-acls.sh "$@" --add --allow-principal User:fillstream-topics --operation Create --operation Describe --operation DescribeConfigs --topic fills --topic order-updates --topic signals --topic quarantine --topic watchlist --topic ingest-progress --topic commits --topic repairs --topic gaps --topic tokens --topic webhooks --topic webhook-dead-letters
kafka-acls.sh "$@" --add --allow-principal User:fillstream-ingestor --operation Write --operation DescribeConfigs --topic fills --topic order-updates --topic ingest-progress --topic gaps
kafka-acls.sh "$@" --add --allow-principal User:fillstream-ingestor --operation Read --operation DescribeConfigs --topic watchlist --topic ingest-progress --topic repairs
kafka-acls.sh "$@" --add --allow-principal User:fillstream-ingestor --operation Read --topic fills
kafka-acls.sh "$@" --add --allow-principal User:fillstream-ingestor --operation Read --group ingestor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-ingestor --operation Read --group fillstream-tail- --group fillstream-stretches- --resource-pattern-type prefixed
kafka-acls.sh "$@" --add --allow-principal User:fillstream-processor --operation Read --operation DescribeConfigs --topic fills --topic order-updates --topic commits
kafka-acls.sh "$@" --add --allow-principal User:fillstream-processor --operation Write --operation DescribeConfigs --topic signals --topic quarantine --topic repairs --topic commits
kafka-acls.sh "$@" --add --allow-principal User:fillstream-processor --operation Read --group processor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-processor --operation Write --transactional-id processor- --resource-pattern-type prefixed
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Read --operation DescribeConfigs --topic fills --topic order-updates --topic signals --topic quarantine --topic watchlist --topic ingest-progress --topic commits --topic repairs --topic gaps --topic tokens --topic webhooks --topic webhook-dead-letters
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Write --topic fills --topic order-updates --topic watchlist --topic tokens --topic webhooks --topic webhook-dead-letters
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Describe --group processor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Describe --group ingestor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Read --group fillstream-reader- --group fillstream-tail- --group fillstream-stretches- --group replay- --resource-pattern-type prefixed
kafka-acls.sh "$@" --add --allow-principal User:fillstream-operator --operation Write --transactional-id processor-doctor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-gateway --operation Read --operation DescribeConfigs --topic fills --topic order-updates --topic signals --topic commits --topic quarantine --topic tokens
kafka-acls.sh "$@" --add --allow-principal User:fillstream-gateway --operation Describe --group processor
kafka-acls.sh "$@" --add --allow-principal User:fillstream-gateway --operation Read --group fillstream-reader- --group fillstream-tail- --group fillstream-stretches- --resource-pattern-type prefixed
kafka-acls.sh "$@" --add --allow-principal User:fillstream-webhooks --operation Read --topic signals --topic webhooks
kafka-acls.sh "$@" --add --allow-principal User:fillstream-webhooks --operation Write --topic webhook-dead-letters
kafka-acls.sh "$@" --add --allow-principal User:fillstream-webhooks --operation Read --group webhooks
kafka-acls.sh "$@" --add --allow-principal User:fillstream-webhooks --operation Read --group fillstream-tail- --group fillstream-stretches- --resource-pattern-type prefixed
kafka-acls.sh "$@" --add --allow-principal User:fillstream-subscriber --operation Read --topic signals
kafka-acls.sh "$@" --add --allow-principal User:fillstream-subscriber --operation Read --group fillstream-stretches- --group subscriber --resource-pattern-type prefixed
