import { Accordion, Stack } from '@mantine/core';
import { useState } from 'react';
import { Heading } from '../parts/Heading';
import { DetailsForm } from '../upload/DetailsForm';
import { DropZone } from '../upload/DropZone';
import { FileList } from '../upload/FileList';
import { manager, noDetails } from '../upload/manager';
import { RecentUploads } from '../upload/RecentUploads';
import { Unfinished } from '../upload/Unfinished';
import { useUploadList } from '../upload/useUploadList';

export function UploadPage() {
  const { items, unfinished } = useUploadList();
  const [details, setDetails] = useState(noDetails);
  return (
    <Stack>
      <Heading title="Upload" />
      <Unfinished list={unfinished} />
      <Accordion variant="contained" order={2}>
        <Accordion.Item value="details">
          <Accordion.Control>Details of the files that are chosen next</Accordion.Control>
          <Accordion.Panel>
            <DetailsForm value={details} onChange={setDetails} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
      <DropZone onChosen={(chosen) => manager.add(chosen, details)} />
      <FileList items={items} />
      <RecentUploads />
    </Stack>
  );
}
